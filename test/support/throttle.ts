/** Lets through no more than so many bytes a second of what a stream gives. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What may come at once, in seconds: timers are no finer than a millisecond or two. */
const SLACK = 0.005;

/**
 * Without a stream in between, which would cost the machine more than what is measured behind it.
 * @returns when all of it has passed. @throws when either end closes before
 */
export function passThrottled(
  from: IncomingMessage,
  to: ServerResponse,
  bytesPerSecond: number,
): Promise<void> {
  const begin = performance.now();
  let bytes = 0;
  let isDraining = false;
  let isAhead = false;
  const resume = (): void => {
    if (!isDraining && !isAhead) from.resume();
  };
  return new Promise((resolve, reject) => {
    from.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      isDraining = !to.write(chunk);
      const ahead = bytes / bytesPerSecond - (performance.now() - begin) / 1000;
      isAhead = ahead > SLACK;
      if (isAhead) {
        setTimeout(() => {
          isAhead = false;
          resume();
        }, ahead * 1000);
      }
      if (isDraining || isAhead) from.pause();
    });
    to.on('drain', () => {
      isDraining = false;
      resume();
    });
    from.once('end', () => to.end());
    from.once('error', reject);
    from.once('close', () => {
      if (!from.complete) reject(new Error('The server closed the connection.'));
    });
    to.once('close', () => (to.writableFinished ? resolve() : reject(new Error('The client has gone.'))));
    to.once('finish', resolve);
  });
}
