/** Reads JSON that arrives in chunks, for tests. */
import { documentsInJson } from '../../../../cluster/images/documents/json-documents.ts';
import type { ObjectDocument } from '../../../../cluster/images/documents/object-document.ts';
import type { Problem } from '../../../../cluster/images/mention.ts';

export async function readChunks(
  chunks: Iterable<Uint8Array | string>,
): Promise<(ObjectDocument | Problem)[]> {
  return allOf(documentsInJson(asStream(chunks), 'f'));
}

export async function allOf<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}

async function* asStream<Chunk>(chunks: Iterable<Chunk>): AsyncGenerator<Chunk> {
  yield* chunks;
}

/** One line for each document or problem: `f: items[0] {"a":1}`. */
export function summaryOf(found: readonly (ObjectDocument | Problem)[]): string[] {
  return found.map((one) =>
    one.kind === 'document' ? `${one.where} ${jsonOf(one.value)}` : `PROBLEM ${one.where}: ${one.message}`,
  );
}

/** `JSON.parse` reads JSON that is too deep for `JSON.stringify`. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return 'too deep to write';
    throw error;
  }
}
