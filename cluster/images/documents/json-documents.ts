/** Reads JSON of any size, object by object: what `kubectl get pods -A -o json` prints. */
import { isObject, parseJson, type JsonObject } from '../../../core/json.ts';
import { itemOf } from '../kubernetes/object-list.ts';
import type { Problem } from '../mention.ts';
import { JsonSplitter, type JsonPiece } from './json-splitter.ts';
import { MAX_DOCUMENT_BYTES, MAX_DOCUMENT_VALUES, type ObjectDocument } from './object-document.ts';

/**
 * Yields the items of a list, or the whole object if it has no `items`. Several values may follow each other, and lists
 * of objects (`[…]`) are read as `items` are. It holds one item at a time.
 * @param file its name, for messages. A byte is counted from 0
 */
export async function* documentsInJson(
  chunks: AsyncIterable<Uint8Array | string>,
  file: string,
): AsyncGenerator<ObjectDocument | Problem> {
  const splitter = new JsonSplitter(MAX_DOCUMENT_BYTES);
  const reading = new PieceReader(file);
  const encoder = new TextEncoder();
  let held = '';
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (typeof bytes === 'string') {
      // A chunk may end in the middle of a character of two halves, which have to be encoded together.
      const text = held + bytes;
      held = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
      bytes = encoder.encode(held === '' ? text : text.slice(0, -1));
    }
    for (const piece of splitter.push(bytes)) yield* reading.read(piece);
  }
  for (const piece of splitter.push(encoder.encode(held))) yield* reading.read(piece);
  for (const piece of splitter.end()) yield* reading.read(piece);
}

class PieceReader {
  readonly #file: string;
  #head: JsonObject = {};

  constructor(file: string) {
    this.#file = file;
  }

  *read(piece: JsonPiece): Generator<ObjectDocument | Problem> {
    const { bytes, part, offset } = piece;
    const place = this.#placeOf(piece);
    const refused = (message: string): Problem => ({
      kind: 'problem',
      where: `${place} (byte ${offset})`,
      message,
      isUnread: true,
    });
    if (part === 'unknown') {
      yield refused('this is not JSON. It and all that follows were left out.');
    } else if (part === 'unfinished') {
      yield refused(
        'the file ends here, in the middle of an object, which was left out. Was its writing interrupted?',
      );
    } else if (bytes === undefined) {
      yield refused(`this is larger than ${MAX_DOCUMENT_BYTES / 1024 / 1024} MiB, and was left out.`);
    } else {
      yield* this.#parsed(piece, bytes, place, refused);
    }
  }

  *#parsed(
    { part }: JsonPiece,
    bytes: Uint8Array,
    where: string,
    refused: (message: string) => Problem,
  ): Generator<ObjectDocument | Problem> {
    let value: unknown;
    try {
      value = parseJson(bytes, MAX_DOCUMENT_VALUES);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const rest = part === 'frame' ? 'Its items were read.' : 'It was left out.';
      // The whole frame is parsed once more at its end, so one problem is enough.
      if (part === 'head') this.#head = {};
      else yield refused(`this is not valid JSON (${error.message}). ${rest}`);
      return;
    }
    if (part !== 'item') this.#head = part === 'head' && isObject(value) ? value : {};
    if (part === 'item') yield { kind: 'document', value: itemOf(this.#head, value), where };
    if (part === 'whole') yield { kind: 'document', value, where };
  }

  #placeOf({ document, index, isBareList }: JsonPiece): string {
    const ofFile = document > 1 ? `${this.#file}: document ${document}` : this.#file;
    return index === undefined ? ofFile : `${ofFile}: ${isBareList ? '' : 'items'}[${index}]`;
  }
}
