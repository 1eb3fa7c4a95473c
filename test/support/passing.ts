/** Forwards a body at the lowest cost, because the bench measures programs behind such proxies. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';

/** The longest burst. It is not shorter, because timers are no finer than a millisecond or two. */
const SLACK_SECONDS = 0.005;

/**
 * Forwards a body without a stream in between, and frees each chunk at once, because the collector would be half of the work.
 * A listener must not use a chunk after it has been written.
 * @returns when everything has been forwarded
 * @throws if either end closes before the end of the body. The other end stays open, and the rest of the body is read and dropped, because
 *   the receiver may have answered already
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
      isAhead = ahead > SLACK_SECONDS;
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
    // There may be several errors, and an error without a listener ends the process.
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

/** Frees a chunk's memory, if the chunk does not share it with other chunks, as small ones do. */
function letGo({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
