/** Makes a store fail in different ways, for `TestEdge.fault`. */
import type { Fault } from './test-edge.ts';

/** Never answers. The time limits of the waiting requests expire at once. */
export const hang: Fault = (_key, _store, edge) => {
  queueMicrotask(() => edge.expireTimers());
  return new Promise<Response>(() => {});
};

/** Answers with headers, and then sends no body. */
export const stop: Fault = (_key, _store, edge) => {
  const pull = () => {
    edge.expireTimers();
    return new Promise<void>(() => {});
  };
  return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), {
    headers: { 'content-length': '10' },
  });
};

export function status(code: number): () => Response {
  return () => new Response('<Error/>', { status: code });
}

/** Limits a fault to one store, and to one key if `key` is given. */
export function only(store: number, fault: Fault, key?: string): Fault {
  return (path, number, edge) =>
    number === store && (key === undefined || path === key) ? fault(path, number, edge) : undefined;
}
