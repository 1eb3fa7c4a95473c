/**
 * Kills a mirror run at its writes, and checks what the bucket then contains. The run is a process. A proxy before the
 * store, which may be any S3 server, counts the writes.
 */
import { openMultiparts, s3ClientOf } from './bucket-reader.ts';
import { compareSnapshots, snapshot } from './bucket-snapshot.ts';
import { startCountingProxy, type ProxiedRequest } from './counting-proxy.ts';
import type { Exit, Program } from './process.ts';
import { ended, runOnce, startRun, type RunTarget } from './run-process.ts';
import { walkBucket } from './walk-bucket.ts';

export type KillOptions = Omit<RunTarget, 'prefixes'> & {
  /** Whether the store can list open multipart uploads. If so, the test requires that none is left. */
  readonly listsUploads: boolean;
  /** The number of runs that are tried in parallel. */
  readonly concurrency: number;
  /** Which writes are tried: 1 kills at each write, and 7 at the seventh, the fourteenth, and so on. */
  readonly everyNthWrite: number;
};

export interface KillReport {
  /** The number of writes that a whole run makes. */
  readonly writes: number;
  /** The runs that ended before they were killed, each with its number of writes. */
  readonly survived: readonly string[];
  /** All faults of the buckets, as sentences that begin with the write at which the run was killed. */
  readonly problems: readonly string[];
}

/** Kills one run before each chosen write, and another one after it. Then one rerun completes all of them. */
export async function killAtWrites(options: KillOptions): Promise<KillReport> {
  const client = s3ClientOf(options);
  const bucket = (prefix: string) => ({ client, bucket: options.bucket, prefix });
  try {
    const { writes } = await runThroughProxy({ ...options, prefixes: ['whole/'] }, () => 'go on');
    const { problems, behind } = await walkBucket(bucket('whole/'));
    const found = [...problems, ...behind].map((problem) => `never killed: ${problem}`);
    const chosen = Math.floor(writes / options.everyNthWrite);
    const trials = Array.from({ length: chosen }, (_, index) => (index + 1) * options.everyNthWrite).flatMap(
      (write) => [
        { write, side: 'before' as const },
        { write, side: 'after' as const },
      ],
    );
    const prefixes = trials.map((trial) => prefixOf(trial));
    const survived: string[] = [];
    const work = async () => {
      for (let trial = trials.shift(); trial !== undefined; trial = trials.shift()) {
        const made = await killOnce(options, trial);
        if (made !== undefined) survived.push(`${prefixOf(trial)}: it was done after ${made} writes.`);
        const died = await walkBucket(bucket(prefixOf(trial)));
        found.push(...died.problems.map((problem) => `${prefixOf(trial)}: when it had died: ${problem}`));
      }
    };
    await Promise.all(Array.from({ length: options.concurrency }, work));

    await runOnce({ ...options, prefixes });
    const whole = settled(await snapshot(bucket('whole/')));
    for (const prefix of prefixes) {
      const left = options.listsUploads ? await openMultiparts(bucket(prefix)) : [];
      const differences = compareSnapshots(whole, settled(await snapshot(bucket(prefix))));
      found.push(
        ...left.map((key) => `${prefix}: after the rerun an upload to ${key} is left.`),
        ...differences.map((difference) => `${prefix}: after the rerun: ${difference}`),
      );
    }
    return { writes, survived, problems: found };
  } finally {
    client.destroy();
  }
}

interface Trial {
  readonly write: number;
  readonly side: 'before' | 'after';
}

function prefixOf({ write, side }: Trial): string {
  return `${side}-${write}/`;
}

/** @returns undefined if the run was killed; otherwise the number of its writes, because it ended before */
async function killOnce(options: KillOptions, trial: Trial): Promise<number | undefined> {
  const target = { ...options, prefixes: [prefixOf(trial)] };
  const { exit, writes } = await runThroughProxy(target, (request, when) =>
    request.write === trial.write && when === trial.side ? 'kill' : 'go on',
  );
  return exit.signal === 'SIGKILL' ? undefined : writes;
}

/**
 * Takes the times out of the keys of a tag's history. A killed run can leave the record of a movement that never
 * happened, so only the records' contents are compared.
 */
function settled(bucket: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    [...bucket].map(([key, content]) => {
      const folder = /^(.+\/_history\/.+\/)\d+$/.exec(key)?.[1];
      return folder === undefined ? [key, content] : [`${folder}${content}`, content];
    }),
  );
}

async function runThroughProxy(
  target: RunTarget,
  decide: (request: ProxiedRequest, when: 'before' | 'after') => 'go on' | 'kill',
): Promise<{ writes: number; exit: Exit }> {
  const { origin, pathname } = new URL(target.endpoint);
  const running: { program?: Program } = {};
  const hook = (when: 'before' | 'after') => async (request: ProxiedRequest) => {
    if (decide(request, when) === 'go on') return undefined;
    running.program?.kill('SIGKILL');
    await running.program?.exited;
    return 'drop' as const;
  };
  const proxy = await startCountingProxy({ target: origin, before: hook('before'), after: hook('after') });
  try {
    const program = await startRun({ ...target, endpoint: proxy.url + pathname });
    running.program = program;
    const exit = await ended(program);
    if (exit.signal !== 'SIGKILL' && exit.code !== 0) throw new Error(program.output());
    return { writes: proxy.requests.filter(({ write }) => write > 0).length, exit };
  } finally {
    await running.program?.stop(0);
    await proxy.stop();
  }
}
