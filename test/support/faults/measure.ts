/** Measures one cell of the table: pulls with one client during one fault, and after it. */
import { textOf, timeOf, PATIENCE_SECONDS, senders, type Attempt } from './outcome.ts';
import type { Pull, PullerName } from './puller.ts';
import type { Row } from './rows.ts';
import { startSite } from './site.ts';
import type { Stage } from './stage.ts';

export type MeasuredAttempt = Attempt & {
  readonly seconds: number;
  /** The client's words about its failure; empty without one. */
  readonly error: string;
};

/** Does work when its turn has come. */
export type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * A pull that fails is tried again during the fault, and once more when it is over. If that fails too, containerd collects its garbage
 * before the last attempt. A pull without an end is not tried again during the fault.
 * @param turn for what takes processor time before the pull
 * @throws if the client keeps wrong bytes, or says that it has an image which it has not
 */
export async function measure(
  stage: Stage,
  row: Row,
  puller: PullerName,
  turn: Turn,
): Promise<readonly MeasuredAttempt[]> {
  const image = stage.imageOf(row);
  const { site, pull } = await turn(async () => {
    const started = await startSite(stage.servers, row, puller, image);
    try {
      return { site: started, pull: await stage.puller(puller).prepare(row, image) };
    } catch (error) {
      await started.stop();
      throw error;
    }
  });
  try {
    const attempts: MeasuredAttempt[] = [];
    const once = async (prefix: string) => {
      site.forget();
      const { seconds, error } = await timed(pull);
      const isOver = seconds >= PATIENCE_SECONDS;
      const end = error === '' ? senders(site, image) : isOver ? 'no end' : 'fails';
      const result = { end: `${prefix}${end}`, seconds, error, time: isOver ? '' : timeOf(seconds) };
      attempts.push(result);
      const { wrong, missing } = await pull.kept();
      if (wrong.length > 0 || (error === '' && missing.length > 0)) {
        throw new Error(
          `After "${textOf(attempts)}", the client has wrong bytes of [${wrong.join(', ')}] and lacks [${missing.join(', ')}].`,
        );
      }
      return result;
    };
    let last = await once('');
    if (last.end === 'fails') last = await once('again: ');
    if (last.error === '' || !isMendable(row)) return attempts;
    await site.mend();
    last = await once('mended: ');
    if (last.error === '' || pull.collect === undefined) return attempts;
    await pull.collect();
    await once('collected: ');
    return attempts;
  } finally {
    await pull.stop();
    await site.stop();
  }
}

/** Whether `mend` ends the fault. */
function isMendable({ fault }: Row): boolean {
  return fault.upstream !== 'silent' && fault.edge !== 'silent';
}

async function timed(pull: Pull): Promise<{ readonly seconds: number; readonly error: string }> {
  const begin = performance.now();
  let error = '';
  try {
    await pull.attempt(PATIENCE_SECONDS * 1000);
  } catch (thrown) {
    error = String(thrown);
  }
  return { seconds: (performance.now() - begin) / 1000, error };
}
