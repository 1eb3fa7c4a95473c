/** `lifeboat clients --check` says whether the runtimes of a node would ask the edge. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { checkNode } from '../../cluster/check/check-node.ts';
import type { ContainerdMajor } from '../../cluster/check/containerd-config.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { describeCheck, type CheckResult } from '../terminal/check-text.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { readClientSetup, type SetupOptions } from './arguments/client-setup.ts';
import { probeClients } from './client-probe.ts';
import { seeHelp } from './command.ts';
import { readNode } from './node-reader.ts';

interface CheckOptions extends SetupOptions {
  readonly root?: string | undefined;
  readonly containerd?: string | undefined;
  readonly out?: string | undefined;
  readonly remove: boolean;
  readonly probe: boolean;
  readonly json: boolean;
}

/** @returns the exit code */
export async function checkClients(
  options: CheckOptions,
  runtimes: readonly string[],
  session: Session,
): Promise<number> {
  if (runtimes.length > 0 || options.out !== undefined) {
    throw new UsageError(
      `--check looks at every runtime that it finds: leave ${runtimes.length > 0 ? runtimes.join(', ') : '--out'} out. ${seeHelp('clients')}`,
    );
  }
  const isIdle = options.tags || options.order !== 'mirror-first' || options.peer !== undefined;
  if (isIdle || options.remove) {
    throw new UsageError(
      `--check says what the files are, so --tags, --order, --peer and --remove have no effect: leave them out. ${seeHelp('clients')}`,
    );
  }
  if (options['token-file'] !== undefined && !options.probe) {
    throw new UsageError(`--token-file has an effect on --check only with --probe. ${seeHelp('clients')}`);
  }
  if (options.root !== undefined && options.probe) {
    throw new UsageError(`--probe pulls on this machine, so leave --root out. ${seeHelp('clients')}`);
  }
  const { edge, upstreams, token } = await readClientSetup(options, session);
  if (upstreams === 'all') {
    throw new UsageError('--check needs the names of registries, as in --upstream docker.io.');
  }
  const root = resolve(session.cwd, options.root ?? '/');
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new UsageError(`--root ${root}: there is no such directory.`);
  const major = await containerdMajor(options);
  const target = { edge, upstreams };
  const verdicts = checkNode(await readNode(root), target, major);
  const progress = new Progress(session);
  const { env } = session;
  const probed = options.probe
    ? await probeClients(verdicts, { target, token, env, progress })
    : { probes: [] };
  const probes = 'failure' in probed ? [] : probed.probes;
  const result = { verdicts, probes };
  if (options.json) printJson(result, session);
  else if (verdicts.length > 0) printResult(result, describeCheck, session);
  if (verdicts.length === 0) progress.fail(`No container runtime has files below ${root}.`);
  if ('failure' in probed) {
    progress.fail(probed.failure);
    return 1;
  }
  if (options.probe && verdicts.length > 0 && probes.length === 0) {
    progress.fail('no runtime of these runs on this machine, so nothing was pulled.');
    return 1;
  }
  return exitCodeOf(result);
}

/** A tag that cannot be pulled is no fault, because most nodes are told to ask for digests only. */
export function exitCodeOf({ verdicts, probes }: CheckResult): number {
  const isAsked = verdicts.length > 0 && verdicts.every(({ asked }) => asked !== 'no');
  if (!isAsked || probes.some(({ through, by }) => through === 'no' && by === 'digest')) return 3;
  return probes.some(({ through }) => through === 'unknown') ? 1 : 0;
}

/** @returns undefined if it cannot be known. @throws {UsageError} */
async function containerdMajor({ containerd, root }: CheckOptions): Promise<ContainerdMajor | undefined> {
  if (containerd === '1' || containerd === '2') return containerd === '1' ? 1 : 2;
  if (containerd !== undefined) throw new UsageError(`--containerd "${containerd}": it is 1 or 2.`);
  if (root !== undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)('containerd', ['--version'], { timeout: 10_000 });
    const [, major] = / v?(\d+)\.\d+\.\d+/.exec(stdout) ?? [];
    return major === '1' ? 1 : major === '2' ? 2 : undefined;
  } catch {
    return undefined;
  }
}
