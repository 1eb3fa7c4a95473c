/** OpenShift: sets of mirrors, by digest and by tag. */
import { mirrorSetObject, mirrorSetObjects } from '../merging/mirror-set-documents.ts';
import type { SourceMirrors } from '../merging/mirror-set.ts';
import { CONTENT_SOURCE_POLICY } from '../merging/object-kind.ts';
import { insecureHostsOf, type MirrorSetup } from './edge-mirrors.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { RuntimeConfiguration } from './setup.ts';
import { yamlText } from './yaml-text.ts';

const ABILITIES: Abilities = {
  digestsOnly: true,
  upstreamFirst: true,
  token:
    'mirror sets have no header. Add a login for the edge to the global pull secret, and set AUTH_CHALLENGE = "basic" at the edge; docs/clients.md says what that costs',
  peers: 'peers speak to containerd alone',
  everyRegistry: 'mirror sets name each registry: name them with --upstream',
};

const NAME = 'lifeboat';

/** A sentence with more names than these is not read. */
const MOST_NAMED = 5;

/** ImageDigestMirrorSet, and ImageTagMirrorSet for tags. */
export function openshift(setup: MirrorSetup): RuntimeConfiguration {
  const { sources } = setup;
  return {
    files: fileOf(mirrorSetObjects(sources, NAME)),
    limits: limitsOfOpenshift(setup),
    steps: [
      ...policySteps(sources),
      ...applySteps(sources),
      ...(sources.some(({ tags }) => tags.length > 0)
        ? ['A set for tags drains the nodes one after the other; a set for digests does not.']
        : []),
    ],
  };
}

/** The same for merged sets. Their objects are in the cluster already, or will be. */
export function mergedOpenshift(setup: MirrorSetup): RuntimeConfiguration {
  const { files, limits, steps } = openshift(setup);
  const deletion =
    'OpenShift merges all objects that it has, so delete those that were merged once these are applied: oc delete idms,itms,imagecontentsourcepolicy NAME… Tools that have made them may make them again.';
  return { files, limits, steps: files.length === 0 ? steps : [...steps, deletion] };
}

/** ImageContentSourcePolicy, for OpenShift before 4.13. */
export function oldOpenshift(setup: MirrorSetup): RuntimeConfiguration {
  const { sources, edges } = setup;
  const policy = mirrorSetObject(CONTENT_SOURCE_POLICY, sources, NAME);
  return {
    files: fileOf(policy === undefined ? [] : [policy]),
    limits: [
      ...limitsOfOpenshift(setup),
      ...(edges.some(({ tags }) => tags)
        ? [
            'OpenShift before 4.13 asks the edge for digests alone, because an ImageContentSourcePolicy has no tags.',
          ]
        : []),
    ],
    steps: applySteps(sources),
  };
}

function limitsOfOpenshift({ edges, warnings }: MirrorSetup): readonly string[] {
  const insecure = [...insecureHostsOf(edges)];
  return [
    ...warnings,
    ...new Set(edges.flatMap((edge) => limitsOf('OpenShift', edge, ABILITIES))),
    ...(insecure.length > 0
      ? [
          `OpenShift asks by https alone, because mirror sets cannot say otherwise, so it does not reach ${insecure.join(' and ')}. Add ${insecure.length === 1 ? 'it' : 'them'} to spec.registrySources.insecureRegistries: oc edit image.config.openshift.io/cluster`,
        ]
      : []),
  ];
}

/** A cluster has objects of others, which this command does not see. */
function policySteps(sources: readonly SourceMirrors[]): readonly string[] {
  const allowed = sources.filter(({ policy }) => policy === 'AllowContactingSource');
  if (allowed.length === 0) return [];
  const names =
    allowed.length > MOST_NAMED ? 'one of its sources' : allowed.map(({ source }) => source).join(' or ');
  return [
    'oc get idms,itms,imagecontentsourcepolicy -o yaml',
    `If one of these objects says mirrorSourcePolicy: NeverContactSource for ${names}, it contradicts this file, and OpenShift applies no mirror rule at all; ` +
      'only the log of its machine-config-controller says so. Write the same policy in both: with NeverContactSource, an image that the edge lacks cannot be pulled.',
  ];
}

function applySteps({ length }: readonly SourceMirrors[]): readonly string[] {
  return length === 0 ? [] : ['oc apply -f lifeboat-mirrors.yaml'];
}

function fileOf(objects: readonly object[]): RuntimeConfiguration['files'] {
  if (objects.length === 0) return [];
  return [{ path: 'lifeboat-mirrors.yaml', content: yamlText(...objects), kind: 'whole', isSecret: false }];
}
