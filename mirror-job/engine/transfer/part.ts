/** A blob on its way, in pieces of a part's size: what a multipart upload is made of. */
import type { Buffer, Buffers } from './buffer-pool.ts';

/** Whoever has it gives the buffer back. */
export interface Part {
  readonly buffer: Buffer;
  /** Bytes of the buffer that are the part's. */
  readonly length: number;
}

/** Gathers a stream into parts, in order. What the stream throws, this throws. */
export async function* cutIntoParts(
  body: AsyncIterable<Uint8Array>,
  partBytes: number,
  buffers: Buffers,
): AsyncGenerator<Part> {
  let buffer: Buffer | undefined;
  let length = 0;
  try {
    for await (const chunk of body) {
      for (let offset = 0; offset < chunk.length;) {
        buffer ??= await buffers.take(partBytes);
        const piece = chunk.subarray(offset, offset + partBytes - length);
        buffer.bytes.set(piece, length);
        length += piece.length;
        offset += piece.length;
        if (length < partBytes) continue;
        const part = { buffer, length };
        buffer = undefined;
        length = 0;
        yield part;
      }
    }
    if (buffer === undefined) return;
    const part = { buffer, length };
    buffer = undefined;
    yield part;
  } finally {
    buffer?.release();
  }
}
