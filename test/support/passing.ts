/** Passes a body on, for proxies that are to cost a machine as little as they can of what is measured behind them. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';

/** What may come at once, in seconds: timers are no finer than a millisecond or two. */
const SLACK = 0.005;

/**
 * Without a stream in between, and without leaving to the collector what has passed: that would be half of the work.
 * Whoever looks on has to be done with a chunk when it has been written.
 * @returns when all of it has passed
 * @throws when either end closes before. Neither is closed for it, and the rest of what is sent is read and dropped: a
 *   receiver may have answered already
 */
export function pass(
  from: IncomingMessage,
  to: ServerResponse | ClientRequest,
  bytesPerSecond = Infinity,
): Promise<void> {
  const begin = performance.now();
  let bytes = 0;
  let isDraining = false;
  let isAhead = false;
  const resume = (): void => {
    if (!isDraining && !isAhead) from.resume();
  };
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      isDraining = !to.write(chunk, () => letGo(chunk));
      const ahead = bytes / bytesPerSecond - (performance.now() - begin) / 1000;
      isAhead = ahead > SLACK;
      if (isAhead) {
        setTimeout(() => {
          isAhead = false;
          resume();
        }, ahead * 1000);
      }
      if (isDraining || isAhead) from.pause();
    };
    const fail = (error: Error): void => {
      from.off('data', onData);
      from.resume();
      reject(error);
    };
    // More than one may come, and one that nobody hears ends the process.
    from.on('error', fail);
    to.on('error', fail);
    if (from.destroyed || to.destroyed) {
      fail(new Error('One end was closed before it began.'));
      return;
    }
    from.on('data', onData);
    to.on('drain', () => {
      isDraining = false;
      resume();
    });
    from.once('end', () => to.end());
    from.once('close', () => {
      if (!from.complete) fail(new Error('The sender closed the connection.'));
    });
    to.once('close', () => (to.writableFinished ? resolve() : fail(new Error('The receiver has gone.'))));
    to.once('finish', resolve);
  });
}

/** Its memory at once, if it has some of its own: small ones share theirs with what else was read. */
function letGo({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
