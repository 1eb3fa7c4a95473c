/**
 * An encoding that was not asked for: requests say `Accept-Encoding: identity`, and something on the way, mostly a proxy,
 * compresses all the same. Some storages say it of a blob that is a compressed layer itself, whose bytes are right: so it
 * is named where an answer cannot be used, and is no error by itself.
 * https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
 */
import { parseJson } from '../../core/json.ts';
import { SourceError } from '../engine/source.ts';
import type { Answer } from './answer.ts';
import type { ContentRange } from './content-range.ts';

/** @returns the sentence for the end of a message, with a space before it; empty for an answer as it was asked for */
export function encodingNote({ headers }: Pick<Answer, 'headers'>): string {
  const encoding = headers.get('Content-Encoding')?.trim() ?? '';
  if (encoding === '' || encoding.toLowerCase() === 'identity') return '';
  return ` The answer has Content-Encoding "${encoding.slice(0, 100)}", which the job did not ask for.`;
}

/**
 * A blob that was compressed on the way has another length. Where none is told, its digest shows it.
 * @param size what it should have
 * @returns the note for the sentence about its digest, empty where the length is right. @throws {SourceError}
 */
export function refuseEncoded(
  answer: Answer,
  range: ContentRange | undefined,
  size: number,
  where: string,
): string {
  const note = encodingNote(answer);
  const length = answer.headers.get('Content-Length');
  const told = answer.status === 206 ? range?.size : length === null ? undefined : Number(length);
  if (note === '' || told === undefined) return note;
  if (told === size) return '';
  answer.discard();
  throw new SourceError(`${where} cannot be read.${note}`);
}

/** Whether a manifest or a list can be read all the same. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    parseJson(bytes);
    return true;
  } catch {
    return false;
  }
}
