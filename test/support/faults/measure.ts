/** Measures one cell of the table: a pull with one client during one fault, a second attempt, and one after the fault. */
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
 * A pull that fails is tried again during the fault, and one more time after it. A pull without an end is tried again only
 * after the fault.
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
    if (last.end === 'fails') last = await once('');
    if (last.error !== '') {
      await site.mend();
      await once('mended: ');
    }
    return attempts;
  } finally {
    await pull.stop();
    await site.stop();
  }
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
