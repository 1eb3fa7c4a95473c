/** Reads parts that both of wrangler's files have. */
import { isObject } from '../../core/json.ts';

export function listIn(content: Record<string, unknown>, key: string): readonly unknown[] {
  const value = content[key];
  return Array.isArray(value) ? value : [];
}

/** @returns the first queue that the Worker fills (`producers`) or empties (`consumers`) */
export function queueIn(
  content: Record<string, unknown>,
  side: 'producers' | 'consumers',
): string | undefined {
  const { queues } = content;
  const [first] = isObject(queues) ? listIn(queues, side) : [];
  const queue = isObject(first) ? first['queue'] : undefined;
  return typeof queue === 'string' ? queue : undefined;
}

/** @returns the number of the line that sets a key, counted from 1; undefined if no line does */
export function lineOf(text: string, key: string): number | undefined {
  const index = text.split('\n').findIndex((line) => line.trimStart().startsWith(`${key} =`));
  return index === -1 ? undefined : index + 1;
}
