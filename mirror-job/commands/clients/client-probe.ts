/** `lifeboat clients --check --probe` lets each runtime of this node pull an image that only the edge has. */
import { randomBytes } from 'node:crypto';
import { withoutVersion } from '../../../cluster/check/checked-runtime.ts';
import { contradiction, isLeftOut, type ProbeResult } from '../../../cluster/check/probe-result.ts';
import { probedRuntimes, type ProbedRuntime } from '../../../cluster/check/probed-runtime.ts';
import type { MirrorTarget, Verdict } from '../../../cluster/check/verdict.ts';
import { nameOf } from '../../../cluster/clients/address.ts';
import type { MirroredUpstream } from '../../../cluster/clients/setup.ts';
import { makeProbeImage, probePath } from '../../../core/probe-image.ts';
import { findObstacles } from '../../doctor/probe.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import type { Progress } from '../../terminal/progress.ts';
import { runCommand, whyAbsent } from './runtime-command.ts';

/** With upstream first, a runtime waits for an upstream that is down before it asks the edge. */
const PULL_MS = 180_000;
const REMOVE_MS = 30_000;
/** Ends of the messages of crictl, podman and docker for an image that was never there. */
const NO_IMAGE = /no such image|not known|not found/i;

interface ProbeOptions {
  readonly target: MirrorTarget;
  readonly token: string | undefined;
  /** Names for `lifeboat clients`; without any, all runtimes that were found are probed. */
  readonly runtimes: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Pick<Progress, 'info' | 'warn'>;
}

export interface Probed {
  readonly probes: readonly ProbeResult[];
  /** Why nothing was pulled, if the edge does not give this machine the image: then no runtime can get it. */
  readonly failure: string | undefined;
}

/** @param verdicts of the check, which has found the runtimes */
export async function probeClients(verdicts: readonly Verdict[], options: ProbeOptions): Promise<Probed> {
  const { target, token, env } = options;
  const [any] = target.upstreams;
  if (any === undefined) return { probes: [], failure: undefined };
  // The edge knows a probe of every registry, so one of them tells.
  const access = { token, proxies: readProxies(env) };
  const obstacles = await findObstacles(target.edge, any.name, newNonce(), access);
  if (obstacles.forAll !== undefined) return { probes: [], failure: obstacles.forAll };
  const probes: ProbeResult[] = [];
  const runtimes = chosenRuntimes(verdicts, options);
  for (const checked of new Set(verdicts.map(({ runtime }) => withoutVersion(runtime)))) {
    const own = verdicts.filter(({ runtime }) => withoutVersion(runtime) === checked);
    const { running, absent } = await findRunning(checked, runtimes, env);
    for (const upstream of target.upstreams) {
      const name = nameOf(upstream);
      const said = own.filter((verdict) => verdict.upstream === name);
      for (const { runtime, reason } of absent) {
        probes.push({ runtime, upstream: name, by: 'digest', through: 'unknown', reason });
      }
      for (const runtime of running) {
        if (runtime.needsPing && obstacles.forPing !== undefined) {
          const answer = { runtime: runtime.name, upstream: name, by: 'digest' } as const;
          probes.push({ ...answer, through: 'no', reason: obstacles.forPing });
        } else probes.push(...(await probeBoth(runtime, upstream, said, options)));
      }
    }
  }
  return { probes, failure: undefined };
}

interface Found {
  readonly running: readonly ProbedRuntime[];
  readonly absent: readonly Pick<ProbeResult, 'runtime' | 'reason'>[];
}

function chosenRuntimes(
  verdicts: readonly Verdict[],
  { runtimes, env }: ProbeOptions,
): readonly ProbedRuntime[] {
  const wanted = runtimes.map((name) => (name === 'containerd-1' ? 'containerd' : name));
  return probedRuntimes(verdicts, env).filter(({ client }) => wanted.length === 0 || wanted.includes(client));
}

/** podman and CRI-O have the same files, and most nodes have one of them: the other one is absent only if neither runs. */
async function findRunning(
  checked: string,
  runtimes: readonly ProbedRuntime[],
  env: NodeJS.ProcessEnv,
): Promise<Found> {
  const all = runtimes.filter((one) => one.checked === checked);
  const running: ProbedRuntime[] = [];
  const missing: (Found['absent'][number] & Pick<ProbedRuntime, 'variable'>)[] = [];
  for (const runtime of all) {
    const reason = await whyAbsent(runtime, env);
    if (reason === undefined) running.push(runtime);
    else missing.push({ runtime: runtime.name, reason, variable: runtime.variable });
  }
  if (all.length === 0) {
    const reason = `${checked} cannot be told to pull an image, so its files alone say what it does.`;
    return { running, absent: [{ runtime: checked, reason }] };
  }
  const absent = running.length === 0 ? missing : missing.filter(({ variable }) => variable !== undefined);
  return { running, absent: absent.map(({ runtime, reason }) => ({ runtime, reason })) };
}

/** @param said the verdicts of this runtime and registry */
async function probeBoth(
  runtime: ProbedRuntime,
  upstream: MirroredUpstream,
  said: readonly Verdict[],
  { env, progress }: ProbeOptions,
): Promise<readonly ProbeResult[]> {
  const { name, socket, variable } = runtime;
  const at = variable === undefined ? '' : `, at ${socket ?? 'its address'} as ${variable} says`;
  progress.info(`${name} pulls a probe of ${nameOf(upstream)}${at}`);
  const results: ProbeResult[] = [];
  for (const by of ['digest', 'tag'] as const) {
    const answer = { runtime: name, upstream: nameOf(upstream), by };
    if (isLeftOut(said, by)) {
      results.push({ ...answer, through: 'as configured', reason: '' });
      continue;
    }
    const { through, reason } = await probe(runtime, upstream, by, { env, progress });
    const sentences = [reason, contradiction(said, through) ?? ''].filter((one) => one !== '');
    results.push({ ...answer, through, reason: sentences.join(' ') });
    // Without the edge at all, a tag says nothing new.
    if (through !== 'yes') break;
  }
  return results;
}

/** Pulls, and removes what may be there, also after a pull that failed. */
async function probe(
  runtime: ProbedRuntime,
  upstream: MirroredUpstream,
  by: ProbeResult['by'],
  { env, progress }: Pick<ProbeOptions, 'env' | 'progress'>,
): Promise<Pick<ProbeResult, 'through' | 'reason'>> {
  const nonce = newNonce();
  const { digest } = await makeProbeImage(nonce);
  const image = `${nameOf(upstream)}/${probePath(nonce)}${by === 'digest' ? `@${digest}` : ':probe'}`;
  const failure = await runCommand(runtime, { args: ['pull', image], timeout: PULL_MS, env });
  if (failure?.through === 'unknown') return failure;
  const left = await runCommand(runtime, { args: ['rmi', image], timeout: REMOVE_MS, env });
  if (left !== undefined && !NO_IMAGE.test(left.reason)) {
    progress.warn(`${runtime.name} did not remove ${image}: ${left.reason} Remove it by hand.`);
  }
  return failure ?? { through: 'yes', reason: '' };
}

/** 16 lower-case digits: as good as never used before. */
function newNonce(): string {
  return randomBytes(8).toString('hex');
}
