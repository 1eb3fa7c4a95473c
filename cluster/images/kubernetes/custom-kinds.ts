/** Custom kinds whose images cannot be told by a pod's shape. A new kind is a row here. */
import type { JsonObject } from '../../../core/json.ts';
import type { Found } from '../mention.ts';
import { helmReleaseImages, helmRepositoryImages, ociRepositoryImages } from './flux-images.ts';
import type { ObjectOwner } from './object-owner.ts';

/** Paths are those of `valuesAt`. All versions of a kind are read alike. */
export interface CustomKind {
  /** Texts that name an image. */
  readonly images?: readonly string[];
  /** Objects with `image`, and perhaps `name`, `args`, `command` and `env`. */
  readonly containers?: readonly string[];
  /** Images that are put together from several keys. */
  readonly find?: (object: JsonObject, owner: ObjectOwner) => Generator<Found>;
}

/** A list of containers in each of several places. */
function within(places: readonly string[], lists: readonly string[]): string[] {
  return places.flatMap((place) => lists.map((list) => `${place}.${list}`));
}

const ARGO_CONTAINERS = [
  'container',
  'script',
  'sidecars[]',
  'initContainers[]',
  'containerSet.containers[]',
];
function argoTemplates(spec: string): CustomKind {
  const templates = [`${spec}.templates[]`, `${spec}.templateDefaults`];
  const inline = [`${spec}.templates[].dag.tasks[].inline`, `${spec}.templates[].steps[][].inline`];
  return { containers: within([...templates, ...inline], ARGO_CONTAINERS) };
}
const ARGO_TEMPLATES = argoTemplates('spec');

const TEKTON_CONTAINERS = ['stepTemplate', 'steps[]', 'sidecars[]'];
const TEKTON_TASK: CustomKind = { containers: within(['spec'], TEKTON_CONTAINERS) };
function tektonPipeline(spec: string): CustomKind {
  return {
    containers: within([`${spec}.tasks[].taskSpec`, `${spec}.finally[].taskSpec`], TEKTON_CONTAINERS),
  };
}

/** Knative lets a container have no name. */
const KNATIVE: CustomKind = { containers: ['spec.template.spec.containers[]'] };
const SPEC_IMAGE: CustomKind = { images: ['spec.image'] };
const CROSSPLANE_PACKAGE: CustomKind = { images: ['spec.package'] };

/** By group and kind. */
const CUSTOM_KINDS: Readonly<Record<string, CustomKind>> = {
  'argoproj.io/ClusterWorkflowTemplate': ARGO_TEMPLATES,
  'argoproj.io/CronWorkflow': argoTemplates('spec.workflowSpec'),
  'argoproj.io/Workflow': ARGO_TEMPLATES,
  'argoproj.io/WorkflowTemplate': ARGO_TEMPLATES,
  'ceph.rook.io/CephCluster': { images: ['spec.cephVersion.image'] },
  'elasticsearch.k8s.elastic.co/Elasticsearch': SPEC_IMAGE,
  'helm.toolkit.fluxcd.io/HelmRelease': { find: helmReleaseImages },
  'kibana.k8s.elastic.co/Kibana': SPEC_IMAGE,
  'monitoring.coreos.com/Alertmanager': SPEC_IMAGE,
  'monitoring.coreos.com/Prometheus': { images: ['spec.image', 'spec.thanos.image'] },
  'monitoring.coreos.com/PrometheusAgent': SPEC_IMAGE,
  'monitoring.coreos.com/ThanosRuler': SPEC_IMAGE,
  'opentelemetry.io/Instrumentation': {
    images: ['apacheHttpd', 'dotnet', 'go', 'java', 'nginx', 'nodejs', 'python'].map(
      (language) => `spec.${language}.image`,
    ),
  },
  'opentelemetry.io/OpenTelemetryCollector': { images: ['spec.image', 'spec.targetAllocator.image'] },
  'operators.coreos.com/CatalogSource': SPEC_IMAGE,
  'operators.coreos.com/ClusterServiceVersion': { containers: ['spec.relatedImages[]'] },
  'pkg.crossplane.io/Configuration': CROSSPLANE_PACKAGE,
  'pkg.crossplane.io/Function': CROSSPLANE_PACKAGE,
  'pkg.crossplane.io/Provider': CROSSPLANE_PACKAGE,
  'postgresql.cnpg.io/Cluster': { images: ['spec.imageName'] },
  'serving.knative.dev/Configuration': KNATIVE,
  'serving.knative.dev/Revision': { containers: ['spec.containers[]'] },
  'serving.knative.dev/Service': KNATIVE,
  'source.toolkit.fluxcd.io/HelmRepository': { find: helmRepositoryImages },
  'source.toolkit.fluxcd.io/OCIRepository': { find: ociRepositoryImages },
  'tekton.dev/ClusterTask': TEKTON_TASK,
  'tekton.dev/Pipeline': tektonPipeline('spec'),
  'tekton.dev/PipelineRun': tektonPipeline('spec.pipelineSpec'),
  'tekton.dev/StepAction': { containers: ['spec'] },
  'tekton.dev/Task': TEKTON_TASK,
  'tekton.dev/TaskRun': { containers: within(['spec.taskSpec'], TEKTON_CONTAINERS) },
};

/** Custom kinds whose pod templates are told by their shape. */
const SHAPED_KINDS: readonly string[] = ['argoproj.io/Rollout', 'keda.sh/ScaledJob'];

/** Whether objects of a custom kind may ask for images, so that they are worth listing: `argoproj.io/Rollout`. */
export function mayAskForImages(group: string, kind: string): boolean {
  return SHAPED_KINDS.includes(`${group}/${kind}`) || customKind(group, kind) !== undefined;
}

/** @returns all custom kinds that may ask for images: `argoproj.io/Rollout` */
export function customKindNames(): readonly string[] {
  return [...Object.keys(CUSTOM_KINDS), ...SHAPED_KINDS];
}

/** @returns the API groups of these kinds */
export function customGroups(): ReadonlySet<string> {
  return new Set(customKindNames().map((kind) => kind.slice(0, kind.indexOf('/'))));
}

export function customKind(group: string, kind: string): CustomKind | undefined {
  return CUSTOM_KINDS[`${group}/${kind}`];
}
