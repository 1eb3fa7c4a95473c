/** `lifeboat clients --check` says whether the runtimes of a node would ask the edge. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { checkNode } from '../../../cluster/check/check-node.ts';
import { CHECKED_RUNTIMES, isNamed } from '../../../cluster/check/checked-runtime.ts';
import type { ContainerdMajor } from '../../../cluster/check/containerd-config.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { describeCheck, type CheckResult } from '../../terminal/check-text.ts';
import type { Session } from '../../terminal/io.ts';
import { Progress } from '../../terminal/progress.ts';
import { printJson, printResult } from '../../terminal/result.ts';
import { readClientSetup, type SetupOptions } from '../arguments/client-setup.ts';
import { probeClients } from './client-probe.ts';
import { seeHelp, suggest } from '../command.ts';
import { readNode } from './node-reader.ts';

/** The exit code if a runtime would not ask the edge, or did not. It counts more than a probe that could not be made. */
const NOT_ASKED = 3;

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
  const chosen = chooseChecked(runtimes);
  if (options.out !== undefined) {
    throw new UsageError(`--check reads files that are there: leave --out out. ${seeHelp('clients')}`);
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
  const major = await containerdMajor(options, chosen);
  const target = { edge, upstreams };
  const all = checkNode(await readNode(root), target, major);
  const verdicts =
    chosen.length === 0 ? all : all.filter(({ runtime }) => chosen.some((name) => isNamed(name, runtime)));
  const progress = new Progress(session);
  const { env } = session;
  const probed = options.probe
    ? await probeClients(verdicts, { target, token, runtimes: chosen, env, progress })
    : { probes: [], failure: undefined };
  const result = { verdicts, ...probed };
  if (options.json) printJson(result, session);
  else if (verdicts.length > 0) printResult(result, describeCheck, session);
  const missing = chosen.filter((name) => !all.some(({ runtime }) => isNamed(name, runtime)));
  if (all.length === 0) progress.fail(`No container runtime has files below ${root}.`);
  else if (missing.length > 0) progress.fail(`${missing.join(', ')}: no files below ${root}.`);
  if (probed.failure !== undefined) progress.fail(probed.failure);
  return missing.length > 0 ? NOT_ASKED : exitCodeOf(result);
}

/** @returns the names in lower case, each once. @throws {UsageError} */
function chooseChecked(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))].map((name) => {
    if (CHECKED_RUNTIMES.includes(name)) return name;
    throw new UsageError(
      `--check knows no runtime "${name}".${suggest(name, CHECKED_RUNTIMES)} There are: ${CHECKED_RUNTIMES.join(', ')}.`,
    );
  });
}

export function exitCodeOf({ verdicts, probes, failure }: CheckResult): number {
  const isAsked = verdicts.length > 0 && verdicts.every(({ asked }) => asked !== 'no');
  if (!isAsked || probes.some(({ through }) => through === 'no')) return NOT_ASKED;
  return failure !== undefined || probes.some(({ through }) => through === 'unknown') ? 1 : 0;
}

/** @returns undefined if it cannot be known. @throws {UsageError} */
async function containerdMajor(
  { containerd, root }: CheckOptions,
  chosen: readonly string[],
): Promise<ContainerdMajor | undefined> {
  if (chosen.includes('containerd-1') && !chosen.includes('containerd')) {
    if (containerd === undefined || containerd === '1') return 1;
    throw new UsageError(`containerd-1 and --containerd ${containerd} contradict each other.`);
  }
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
