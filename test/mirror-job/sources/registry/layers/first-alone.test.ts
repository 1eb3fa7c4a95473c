/** Which requests wait for the first one. */
import { expect, test } from 'vitest';
import type { HttpResponse } from '../../../../../mirror-job/sources/registry/http-client.ts';
import { firstAlone } from '../../../../../mirror-job/sources/registry/layers/first-alone.ts';
import { outgoing, response } from './fake-next.ts';

/** Sends requests through one layer; each is answered when the test says so. */
function start() {
  const layer = firstAlone();
  const sent: string[] = [];
  const ends: ((outcome: HttpResponse | Error) => void)[] = [];
  const send = (method: 'GET' | 'HEAD', resource: string): Promise<HttpResponse> =>
    layer(outgoing({ method, resource }), () => {
      sent.push(`${method} ${resource}`);
      return new Promise((resolve, reject) => {
        ends.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
      });
    });
  return { send, sent, ends };
}

/** Waits until everything that can run has run. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test('all requests wait for the first one, and for the first GET of a manifest only those GETs', async () => {
  const { send, sent, ends } = start();
  const all = [
    send('HEAD', 'manifests/a'),
    send('GET', 'manifests/a'),
    send('GET', 'manifests/b'),
    send('GET', 'tags/list'),
  ];
  await settle();
  expect(sent).toEqual(['HEAD manifests/a']);
  ends[0]?.(response(200));
  await settle();
  expect(sent).toEqual(['HEAD manifests/a', 'GET manifests/a', 'GET tags/list']);
  ends[1]?.(response(200));
  await settle();
  expect(sent.at(-1)).toBe('GET manifests/b');
  for (const end of ends) end(response(200));
  expect((await Promise.all(all)).length).toBe(4);
});

test('a first request that fails lets the others go', async () => {
  const { send, sent, ends } = start();
  const first = send('GET', 'tags/list');
  const second = send('GET', 'tags/list');
  ends[0]?.(new Error('failed'));
  await expect(first).rejects.toThrow('failed');
  await settle();
  expect(sent.length).toBe(2);
  ends[1]?.(response(200));
  await second;
});
