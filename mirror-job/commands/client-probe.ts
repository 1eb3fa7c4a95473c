/** `lifeboat clients --check --probe` lets each runtime of this node pull an image that only the edge has. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { probedRuntimes, type ProbedRuntime } from '../../cluster/check/probed-runtime.ts';
import type { MirrorTarget, Verdict } from '../../cluster/check/verdict.ts';
import { nameOf } from '../../cluster/clients/address.ts';
import type { MirroredUpstream } from '../../cluster/clients/setup.ts';
import { makeProbeImage, probePath } from '../../core/probe-image.ts';
import { whyNoProbe } from '../doctor/probe.ts';
import { errorCode } from '../runtime/node/error-code.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import type { ProbeResult } from '../terminal/check-text.ts';
import type { Progress } from '../terminal/progress.ts';

/** With upstream first, a runtime waits for an upstream that is down before it asks the edge. */
const PULL_MS = 180_000;
const REMOVE_MS = 30_000;
const START_MS = 10_000;
/** What crictl and docker say if no runtime answers them. A containerd that Docker has started has no CRI. */
const UNREACHABLE =
  /validate (?:CRI v1 )?(?:image|service|runtime)|connect endpoint|unknown service runtime\.v1|connect to the Docker daemon/;

interface ProbeOptions {
  readonly target: MirrorTarget;
  readonly token: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Progress;
}

/**
 * @param verdicts of the check, which has found the runtimes
 * @returns why nothing was pulled, if the edge does not give this machine the image: then no runtime can get it
 */
export async function probeClients(
  verdicts: readonly Verdict[],
  { target, token, env, progress }: ProbeOptions,
): Promise<{ readonly probes: readonly ProbeResult[] } | { readonly failure: string }> {
  const { edge, upstreams } = target;
  const proxies = readProxies(env);
  // The edge knows a probe of every registry, so one of them tells.
  for (const { name } of upstreams.slice(0, 1)) {
    const failure = await whyNoProbe(edge, name, newNonce(), { token, proxies });
    if (failure !== undefined) return { failure };
  }
  const probes: ProbeResult[] = [];
  for (const runtime of await runningOf(probedRuntimes(verdicts, env))) {
    for (const upstream of upstreams) {
      progress.info(`${runtime.name} pulls a probe of ${nameOf(upstream)}`);
      const first = await probe(runtime, upstream, 'digest', env);
      probes.push(first);
      // Without the edge at all, a tag says nothing new.
      if (first.through === 'yes') probes.push(await probe(runtime, upstream, 'tag', env));
    }
  }
  return { probes };
}

async function runningOf(runtimes: readonly ProbedRuntime[]): Promise<readonly ProbedRuntime[]> {
  const found = await Promise.all(runtimes.map(isThere));
  return runtimes.filter((_, index) => found[index]);
}

async function isThere({ socket, command: [program] }: ProbedRuntime): Promise<boolean> {
  try {
    if (socket === undefined) await promisify(execFile)(program, ['--version'], { timeout: START_MS });
    else await access(socket);
    return true;
  } catch {
    return false;
  }
}

async function probe(
  runtime: ProbedRuntime,
  upstream: MirroredUpstream,
  by: ProbeResult['by'],
  env: NodeJS.ProcessEnv,
): Promise<ProbeResult> {
  const nonce = newNonce();
  const { digest } = await makeProbeImage(nonce);
  const image = `${nameOf(upstream)}/${probePath(nonce)}${by === 'digest' ? `@${digest}` : ':probe'}`;
  const answer = { runtime: runtime.name, upstream: nameOf(upstream), by };
  const failure = await run(runtime, ['pull', image], PULL_MS, env);
  if (failure !== undefined) return { ...answer, ...failure };
  await run(runtime, ['rmi', image], REMOVE_MS, env);
  return { ...answer, through: 'yes', reason: '' };
}

/** @returns undefined if the program ended well */
async function run(
  { command: [program, ...before] }: ProbedRuntime,
  args: readonly string[],
  timeout: number,
  env: NodeJS.ProcessEnv,
): Promise<Pick<ProbeResult, 'through' | 'reason'> | undefined> {
  try {
    await promisify(execFile)(program, [...before, ...args], { timeout, env });
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'EACCES') {
      return {
        through: 'unknown',
        reason: `${program} cannot be started (${code}). Install it on this node.`,
      };
    }
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    if (UNREACHABLE.test(output)) {
      return { through: 'unknown', reason: lastLine(output) };
    }
    const isSlow = error instanceof Error && 'killed' in error && error.killed === true;
    return {
      through: 'no',
      reason: isSlow ? `${program} did not end in ${timeout / 1000} s.` : lastLine(output),
    };
  }
}

function lastLine(text: string): string {
  return text.split('\n').at(-1) ?? '';
}

/** 16 lower-case digits: as good as never used before. */
function newNonce(): string {
  return randomBytes(8).toString('hex');
}
