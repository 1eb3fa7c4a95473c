/** The object that made another one, as Kubernetes' controllers note it: people know `Deployment web`, and no pod's name. */
import type { JsonObject } from '../../../core/json.ts';
import { at } from '../../check/parsed-file.ts';
import type { Control, ObjectName } from '../mention.ts';
import { valuesAt } from './nested-values.ts';
import { groupOf, nameOfObject, textOf } from './object-name.ts';

/**
 * The label by which a controller numbers its ReplicaSets, which are called `<its name>-<the label's value>`. So it can be
 * told without the ReplicaSets, which may not be in a dump.
 */
const HASH_LABELS = [
  { label: 'pod-template-hash', kind: 'Deployment' },
  { label: 'rollouts-pod-template-hash', kind: 'Rollout' },
] as const;

/**
 * Returns the name of the object that uses the images of another one: a pod's controller, the CronJob of a Job, the Deployment
 * of a ReplicaSet that has pods. An old ReplicaSet names images that its Deployment no longer asks for, so it stands for
 * itself, as does everything else.
 * @param object of Kubernetes, with the name `own`
 */
export function userOf(object: JsonObject, own: ObjectName): ObjectName {
  switch (builtIn(object)) {
    case 'Pod':
      return controllerOfPod(object, own);
    case 'ReplicaSet':
      return hasReplicas(object) ? (controllerOf(object, own) ?? own) : own;
    case 'Job':
      return controllerOf(object, own) ?? own;
    default:
      return own;
  }
}

/** Says what made a Job or a ReplicaSet, because their pods do not say it. */
export function* controlsIn(object: JsonObject): Generator<Control> {
  const own = nameOfObject(object);
  if (own === undefined || own.kind === 'Pod') return;
  const by = userOf(object, own);
  if (by !== own) yield { kind: 'control', of: own, by };
}

function controllerOfPod(pod: JsonObject, own: ObjectName): ObjectName {
  const controller = controllerOf(pod, own);
  if (controller?.kind !== 'ReplicaSet') return controller ?? own;
  for (const { label, kind } of HASH_LABELS) {
    const hash = textOf(at(pod, 'metadata', 'labels', label));
    const ending = `-${hash}`;
    if (hash !== undefined && controller.name.endsWith(ending) && controller.name !== ending) {
      return { ...controller, kind, name: controller.name.slice(0, -ending.length) };
    }
  }
  return controller;
}

/** A controller is in the namespace of its objects. Only a Node, which owns its static pods, has none. */
function controllerOf(object: JsonObject, { namespace }: ObjectName): ObjectName | undefined {
  for (const reference of valuesAt(object, 'metadata.ownerReferences[]')) {
    const [kind, name] = [textOf(at(reference, 'kind')), textOf(at(reference, 'name'))];
    if (at(reference, 'controller') !== true || kind === undefined || name === undefined) continue;
    return { ...(namespace !== undefined && kind !== 'Node' && { namespace }), kind, name };
  }
  return undefined;
}

function builtIn(object: JsonObject): string | undefined {
  const kind = textOf(object['kind']);
  switch (groupOf(object)) {
    case '':
      return kind === 'Pod' ? kind : undefined;
    case 'apps':
      return kind === 'ReplicaSet' ? kind : undefined;
    case 'batch':
      return kind === 'Job' ? kind : undefined;
    default:
      return undefined;
  }
}

function hasReplicas(replicaSet: JsonObject): boolean {
  const counts = [at(replicaSet, 'spec', 'replicas'), at(replicaSet, 'status', 'replicas')];
  return counts.some((count) => typeof count === 'number' && count > 0);
}
