/** The pieces of a blob that a multipart upload consists of. */
import type { Buffers, PooledBuffer } from './buffer-pool.ts';

/** Its owner releases the buffer. */
export interface Part {
  readonly buffer: PooledBuffer;
  /** The number of bytes of the buffer that belong to the part. */
  readonly length: number;
}

/** Gathers a stream into parts, in order. @throws what the stream throws */
export async function* cutIntoParts(
  body: AsyncIterable<Uint8Array>,
  partBytes: number,
  buffers: Buffers,
): AsyncGenerator<Part> {
  let buffer: PooledBuffer | undefined;
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
