/** The name of a run. */
import { compactTime } from '../../../core/layout.ts';

const RANDOM_CHARACTERS = 6;

/**
 * @returns the run's name in tags, history and reports: its time and something random, because two runs may begin at once. It
 *   sorts by time
 */
export function nameRun(begun: Date): string {
  return `${compactTime(begun)}-${crypto.randomUUID().slice(0, RANDOM_CHARACTERS)}`;
}
