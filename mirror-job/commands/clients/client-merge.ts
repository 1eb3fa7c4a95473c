/** `lifeboat clients --merge` makes one configuration of the mirror sets of several teams. */
import { edgeHostOf } from '../../../cluster/clients/address.ts';
import { mergeWithEdges, type MirrorSetup, type NamedEdge } from '../../../cluster/clients/edge-mirrors.ts';
import type { ClientRuntime } from '../../../cluster/clients/runtimes.ts';
import type { RuntimeConfiguration } from '../../../cluster/clients/setup.ts';
import { MirrorConflictError } from '../../../cluster/merging/conflict-error.ts';
import { mirrorProblem } from '../../../cluster/merging/location.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import type { Session } from '../../terminal/io.ts';
import { parseOrder, readClientSetup, type SetupOptions } from '../arguments/client-setup.ts';
import { readMergedFiles } from '../arguments/merged-files.ts';
import { seeHelp } from '../command.ts';

export interface MergeOptions extends SetupOptions {
  /** Files of mirror sets, and configurations; `-` for standard input. */
  readonly merge: readonly string[];
}

export type Configured = RuntimeConfiguration & { readonly runtime: ClientRuntime };

/** @throws {UsageError}, {ConfigurationError} */
export async function mergeClients(
  runtimes: readonly ClientRuntime[],
  options: MergeOptions,
  session: Session,
): Promise<readonly Configured[]> {
  const others = runtimes.filter(({ configureMerged }) => configureMerged === undefined);
  if (others.length > 0) {
    throw new UsageError(
      `--merge makes registries.conf for cri-o and podman, and mirror sets for openshift: leave ${others.map(({ name }) => name).join(', ')} out.`,
    );
  }
  const how = { order: parseOrder(options.order), tags: options.tags };
  const own = await readOwnEdge(options, session);
  const { sets, edges } = await readMergedFiles(options.merge, how, session);
  refuseIdle(options, own, edges);
  const setup = merge(own === undefined ? edges : [own, ...edges], sets);
  return runtimes.flatMap((runtime) =>
    runtime.configureMerged === undefined ? [] : [{ runtime, ...runtime.configureMerged(setup) }],
  );
}

/**
 * A lifeboat.yaml that only lies in this folder does not count, because then the result would depend on the folder.
 * @throws {UsageError}, {ConfigurationError}
 */
async function readOwnEdge(options: MergeOptions, session: Session): Promise<NamedEdge | undefined> {
  const { edge, config } = options;
  if (edge === undefined && config === undefined) return undefined;
  const setup = await readClientSetup(options, session);
  if (setup.upstreams === 'all') {
    throw new UsageError('--merge needs the names of registries, as in --upstream docker.io.');
  }
  const name = edge === undefined ? (config ?? '') : '--edge';
  const problem = mirrorProblem(edgeHostOf(setup));
  if (problem !== undefined) throw new UsageError(`${name}: ${problem}`);
  return { name, file: undefined, setup, isPreferred: true };
}

/** @throws {UsageError} for an option that would have no effect */
function refuseIdle(options: MergeOptions, own: NamedEdge | undefined, edges: readonly NamedEdge[]): void {
  const isOwn = [
    ['--upstream', options.upstream !== undefined],
    ['--token-file', options['token-file'] !== undefined],
    ['--peer', options.peer !== undefined],
  ] as const;
  const isAnys = [
    ['--order', options.order !== 'mirror-first'],
    ['--tags', options.tags],
  ] as const;
  const idle = [
    ...(own === undefined ? isOwn : []),
    ...(own === undefined && edges.length === 0 ? isAnys : []),
  ].flatMap(([name, isGiven]) => (isGiven ? [name] : []));
  if (idle.length === 0) return;
  throw new UsageError(
    `${idle.join(', ')} would have no effect, because no edge is given: add --edge URL or -c FILE. ${seeHelp('clients')}`,
  );
}

/** @throws {UsageError} for sets that OpenShift would refuse together */
function merge(edges: readonly NamedEdge[], sets: Parameters<typeof mergeWithEdges>[1]): MirrorSetup {
  try {
    return mergeWithEdges(edges, sets);
  } catch (error) {
    if (!(error instanceof MirrorConflictError)) throw error;
    const advice =
      'An edge allows its sources to be asked. To give it another policy, write its set with "lifeboat clients openshift --edge URL > FILE", change the policy there, and merge FILE in its place.';
    throw new UsageError('the mirror sets contradict each other.', {
      cause: error,
      lines: [...error.conflicts, ...(edges.length > 0 ? [advice] : [])],
    });
  }
}
