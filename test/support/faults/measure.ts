/** Measures one cell of the table: pulls with one client during one fault, and after it. */
import { pause } from '../process.ts';
import type { FaultImage } from './images.ts';
import { PATIENCE_SECONDS, senders, textOf, timeOf, type Attempt } from './outcome.ts';
import type { Pull, PullerName } from './puller.ts';
import type { Row } from './rows.ts';
import { startSite, type Site } from './site.ts';
import type { Stage } from './stage.ts';

export type MeasuredAttempt = Attempt & {
  readonly seconds: number;
  /** The client's words about its failure; empty without one. */
  readonly error: string;
};

/** Do work when its turn has come, so that the machine is not too busy. */
export interface Turns {
  readonly first: Turn;
  /** For later attempts, which would otherwise wait for the first attempts of all other cells. */
  readonly later: Turn;
}
type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** The kubelet waits as long before it pulls again, and the edge knows of a store that failed by then. */
const BACK_OFF_MS = 10_000;

/**
 * A pull that fails is tried again during the fault, and once more when it is over. A pull without an end is not tried again during the
 * fault.
 * @throws if the client keeps wrong bytes, or says that it has an image which it has not
 */
export async function measure(
  stage: Stage,
  row: Row,
  puller: PullerName,
  turns: Turns,
): Promise<readonly MeasuredAttempt[]> {
  // A pull that waits for a client's time limit takes no turn from others while it waits.
  const later: Turn = row.isSlow ? async (work) => work() : turns.later;
  const { cell, first } = await turns.first(async () => {
    const opened = await Cell.open(stage, row, puller);
    try {
      return { cell: opened, first: row.isSlow ? undefined : await opened.attempt('') };
    } catch (error) {
      await opened.stop();
      throw error;
    }
  });
  try {
    let last = first ?? (await cell.attempt(''));
    if (last.end === 'fails') {
      await pause(BACK_OFF_MS);
      last = await later(async () => cell.attempt('again: '));
    }
    if (last.error !== '' && isMendable(row)) {
      // For some seconds containerd fails by the bytes that it has from before, without asking anybody.
      await pause(BACK_OFF_MS);
      await later(async () => cell.mend());
    }
    return cell.attempts;
  } finally {
    await cell.stop();
  }
}

/** Whether `mend` ends the fault. */
function isMendable({ fault }: Row): boolean {
  return fault.upstream !== 'silent' && fault.edge !== 'silent';
}

class Cell {
  readonly attempts: MeasuredAttempt[] = [];
  readonly #site: Site;
  readonly #pull: Pull;
  readonly #image: FaultImage;

  private constructor(site: Site, pull: Pull, image: FaultImage) {
    this.#site = site;
    this.#pull = pull;
    this.#image = image;
  }

  static async open(stage: Stage, row: Row, puller: PullerName): Promise<Cell> {
    const image = stage.imageOf(row);
    const site = await startSite(stage.servers, row, puller, image);
    try {
      return new Cell(site, await stage.puller(puller).prepare(row, image), image);
    } catch (error) {
      await site.stop();
      throw error;
    }
  }

  async mend(): Promise<void> {
    await this.#site.mend();
    await this.attempt('mended: ');
  }

  /** @param name of the attempt; empty for the first one */
  async attempt(name: '' | 'again: ' | 'mended: '): Promise<MeasuredAttempt> {
    this.#site.forget();
    const { seconds, error } = await timed(this.#pull);
    const isOver = seconds >= PATIENCE_SECONDS;
    const isDuringFault = name === '' || name === 'again: ';
    const well = isDuringFault ? senders(this.#site, this.#image) : 'well';
    const end = error === '' ? well : isOver ? 'no end' : 'fails';
    const result = { end: `${name}${end}`, seconds, error, time: isOver ? '' : timeOf(seconds) };
    this.attempts.push(result);
    const { wrong, missing } = await this.#pull.kept();
    if (wrong.length > 0 || (error === '' && missing.length > 0)) {
      throw new Error(
        `After "${textOf(this.attempts)}", the client has wrong bytes of [${wrong.join(', ')}] and lacks [${missing.join(', ')}].`,
      );
    }
    return result;
  }

  async stop(): Promise<void> {
    await this.#pull.stop();
    await this.#site.stop();
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
