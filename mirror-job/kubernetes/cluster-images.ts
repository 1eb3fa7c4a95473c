/** Finds the images that a live cluster runs and asks for. */
import { customGroups, mayAskForImages } from '../../cluster/images/kubernetes/custom-kinds.ts';
import { nodePlatform } from '../../cluster/images/kubernetes/node-images.ts';
import { imagesInObject } from '../../cluster/images/kubernetes/object-images.ts';
import type { FoundInObjects } from '../../cluster/images/mention.ts';
import { at } from '../../cluster/check/parsed-file.ts';
import { isObject } from '../../core/json.ts';
import { pathOf } from '../../core/reference.ts';
import { ClusterError, ListRefusedError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';
import { listObjects, readObject } from './object-list.ts';

/** The workloads that every cluster may have. ReplicaSets are left out, because old ones name images that nobody runs. */
const WORKLOADS = [
  '/apis/apps/v1/deployments',
  '/apis/apps/v1/statefulsets',
  '/apis/apps/v1/daemonsets',
  '/apis/batch/v1/cronjobs',
  '/apis/batch/v1/jobs',
] as const;

/**
 * Lists nodes, pods, workloads and well-known custom kinds. A list that is refused or fails is a problem, and the rest goes on;
 * without the list of pods there is no answer.
 * @param say reports what is listed next
 * @throws {ClusterError}
 */
export async function* imagesInCluster(
  connection: ClusterConnection,
  say: (path: string) => void,
): AsyncGenerator<FoundInObjects> {
  const platforms = new Map<string, string>();
  const platformOfNode = (name: string): string | undefined => platforms.get(name);
  const list = async function* (path: string): AsyncGenerator<FoundInObjects> {
    say(path);
    for await (const object of listObjects(connection, path)) {
      yield* imagesInObject(object, connection.server, { platformOfNode });
    }
  };
  yield* orProblem('/api/v1/nodes', nodeImages(connection, platforms, say));
  yield* list('/api/v1/pods');
  for (const path of WORKLOADS) yield* orProblem(path, list(path));
  yield* orProblem('/apis', orSilence('/apis', customImages(connection, list, say), say));
}

/**
 * Yields the image of pods' sandboxes alone: a node has stored many other images that nothing uses any more.
 * @param platforms gets the platform of each node
 */
async function* nodeImages(
  connection: ClusterConnection,
  platforms: Map<string, string>,
  say: (path: string) => void,
): AsyncGenerator<FoundInObjects> {
  say('/api/v1/nodes');
  for await (const node of listObjects(connection, '/api/v1/nodes')) {
    const name = at(node, 'metadata', 'name');
    const platform = nodePlatform(node);
    if (typeof name === 'string' && platform !== undefined) platforms.set(name, platform);
    for (const found of imagesInObject(node, connection.server)) {
      if (found.kind === 'mention' && /(?:^|\/)(?:mirrored-)?pause$/.test(pathOf(found.reference.repository)))
        yield found;
    }
  }
}

async function* orProblem(
  path: string,
  images: AsyncGenerator<FoundInObjects>,
): AsyncGenerator<FoundInObjects> {
  try {
    yield* images;
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    // A server without an API has no objects of it.
    if (error instanceof ListRefusedError && error.status === 404) return;
    yield { kind: 'problem', where: path, message: error.message, isUnread: true };
  }
}

/** Most clusters have some custom kinds that a reader of images may not list. Their pods are listed all the same. */
async function* orSilence(
  path: string,
  images: AsyncGenerator<FoundInObjects>,
  say: (path: string) => void,
): AsyncGenerator<FoundInObjects> {
  try {
    yield* images;
  } catch (error) {
    if (!(error instanceof ListRefusedError)) throw error;
    say(`${path}: left out, because this user may not list it`);
  }
}

/** The images of custom kinds that are known, and that this server has. */
async function* customImages(
  connection: ClusterConnection,
  list: (path: string) => AsyncGenerator<FoundInObjects>,
  say: (path: string) => void,
): AsyncGenerator<FoundInObjects> {
  for (const path of await customPaths(connection)) yield* orProblem(path, orSilence(path, list(path), say));
}

/** @returns the paths of the lists of custom kinds that are known, and that this server has */
async function customPaths(connection: ClusterConnection): Promise<readonly string[]> {
  const served = await readObject(connection, '/apis');
  const groups = customGroups();
  const paths: string[] = [];
  for (const group of listIn(served['groups'])) {
    const version = at(group, 'preferredVersion', 'groupVersion');
    const name = at(group, 'name');
    if (typeof version !== 'string' || typeof name !== 'string' || !groups.has(name)) continue;
    // The server's words become a path.
    if (!/^[a-z0-9.-]+\/[a-z0-9]+$/.test(version)) continue;
    const { resources } = await readObject(connection, `/apis/${version}`);
    for (const resource of listIn(resources)) {
      const [kind, plural, verbs] = [at(resource, 'kind'), at(resource, 'name'), at(resource, 'verbs')];
      if (typeof kind !== 'string' || typeof plural !== 'string' || !/^[a-z0-9-]+$/.test(plural)) continue;
      const isListed = Array.isArray(verbs) && verbs.includes('list');
      if (isListed && mayAskForImages(name, kind)) paths.push(`/apis/${version}/${plural}`);
    }
  }
  return paths;
}

function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.filter((one) => isObject(one)) : [];
}
