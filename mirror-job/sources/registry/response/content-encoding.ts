/**
 * Notes an encoding that was not asked for. Requests say `Accept-Encoding: identity`, but something on the way, mostly a
 * proxy, compresses all the same. The encoding alone is no error, because some storages name it for a blob that is a
 * compressed layer itself and has the right bytes. Messages name it only when a response cannot be used.
 * https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
 */
import { parseJson } from '../../../../core/json.ts';
import { MAX_MANIFEST_VALUES } from '../../../../core/manifest.ts';
import { SourceError } from '../../../engine/source.ts';
import type { HttpResponse } from '../http-client.ts';
import type { ContentRange } from './content-range.ts';

/**
 * @returns the sentence for the end of a message, with a space before it; empty for a response without such an encoding
 */
export function encodingNote({ headers }: Pick<HttpResponse, 'headers'>): string {
  const encoding = headers.get('Content-Encoding')?.trim() ?? '';
  if (encoding === '' || encoding.toLowerCase() === 'identity') return '';
  return ` The answer has Content-Encoding "${encoding.slice(0, 100)}", which the job did not ask for.`;
}

/**
 * Refuses a blob of another length, because it was compressed on the way. If the response tells no length, the digest shows it
 * later.
 * @param size the length that the blob should have, in bytes
 * @returns the note for the sentence about the digest; empty when the length is right. @throws {SourceError}
 */
export function refuseEncoded(
  response: HttpResponse,
  range: ContentRange | undefined,
  size: number,
  where: string,
): string {
  const note = encodingNote(response);
  const length = response.headers.get('Content-Length');
  const sentSize = response.status === 206 ? range?.size : length === null ? undefined : Number(length);
  if (note === '' || sentSize === undefined) return note;
  if (sentSize === size) return '';
  response.discard();
  throw new SourceError(`${where} cannot be read.${note}`);
}

/** Whether a manifest can be read in spite of its encoding. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    parseJson(bytes, MAX_MANIFEST_VALUES);
    return true;
  } catch {
    return false;
  }
}
