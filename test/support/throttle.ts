/** A stream that lets through no more than so many bytes a second. */
import { Transform } from 'node:stream';
import { pause } from './process.ts';

/** What may come at once, in seconds: timers are no finer than a millisecond or two. */
const SLACK = 0.005;

export function throttle(bytesPerSecond: number): Transform {
  const begin = performance.now();
  const passed = { bytes: 0 };
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      passed.bytes += chunk.length;
      const ahead = passed.bytes / bytesPerSecond - (performance.now() - begin) / 1000;
      if (ahead > SLACK) await pause(ahead * 1000);
      done(null, chunk);
    },
  });
}
