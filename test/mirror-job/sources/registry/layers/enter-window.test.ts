/** The window of requests is told of each outcome, as answered, refused or failed. */
import { expect, test } from 'vitest';
import { enterWindow } from '../../../../../mirror-job/sources/registry/layers/enter-window.ts';
import type { Outcome } from '../../../../../mirror-job/sources/registry/pace/window.ts';
import { SILENCE, UNREACHABLE, nextThat, outgoing, response } from './fake-next.ts';

test.each<[string, Error | ReturnType<typeof response>, Outcome]>([
  ['a 200', response(200), 'answered'],
  ['a 500', response(500), 'answered'],
  ['a 429', response(429), 'refused'],
  ['a 503', response(503), 'refused'],
  ['an answer that comes too late', SILENCE, 'refused'],
  ['a registry that cannot be reached', UNREACHABLE, 'failed'],
  ['an error of another layer', new Error('given up'), 'failed'],
])('%s leaves the window', async (_name, outcome, expected) => {
  const left: Outcome[] = [];
  const layer = enterWindow({ enter: async () => (how) => left.push(how) });
  await layer(outgoing(), nextThat(outcome).next).catch(() => undefined);
  expect(left).toEqual([expected]);
});

test('nothing is sent when the window lets nobody in', async () => {
  const layer = enterWindow({ enter: () => Promise.reject(new Error('stopped')) });
  const { next, requests } = nextThat(response(200));
  await expect(layer(outgoing(), next)).rejects.toThrow('stopped');
  expect(requests).toEqual([]);
});
