/**
 * An encoding that was not asked for: requests say `Accept-Encoding: identity`, and something on the way, mostly a proxy,
 * compresses all the same. Some storages say it of a blob that is a compressed layer itself, whose bytes are right: so it
 * is named where an answer cannot be used, and is no error by itself.
 * https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
 */
import type { Answer } from './answer.ts';

/** @returns the sentence for the end of a message, with a space before it; empty for an answer as it was asked for */
export function encodingNote({ headers }: Pick<Answer, 'headers'>): string {
  const encoding = headers.get('Content-Encoding')?.trim() ?? '';
  if (encoding === '' || encoding.toLowerCase() === 'identity') return '';
  return ` It was sent with Content-Encoding "${encoding.slice(0, 100)}", which was not asked for.`;
}
