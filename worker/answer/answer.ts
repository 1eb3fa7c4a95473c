import type { Pieces } from '../isolate/large-body.ts';

/** An answer before it becomes a Response. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Several pieces are sent one after the other. */
  readonly body: Uint8Array<ArrayBuffer> | Pieces | ReadableStream<Uint8Array> | string | null;
  /**
   * The content that the answer was made from. If two answers to one parsed request have the same content, and it was in
   * memory both times, they have the same status and headers. Undefined if that does not hold.
   */
  readonly madeFrom?: object | string;
}
