/** The headers that go over the connection, and the time that a response says. */
import { expect, test } from 'vitest';
import { ServerClock } from '../../../../../mirror-job/engine/support/server-clock.ts';
import { transport } from '../../../../../mirror-job/sources/registry/layers/transport.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { nextThat, outgoing } from './fake-next.ts';

function start(headers: Record<string, string> = {}) {
  const sent: unknown[] = [];
  const time = new ServerClock();
  const httpClient = fakeHttpClient((url, sentHeaders, body, method) => {
    sent.push([method, url, sentHeaders, body]);
    return new Response(null, { status: 200, headers });
  });
  const options = { httpClient, signal: new AbortController().signal, timeoutMs: 300 };
  return { layer: transport(options, time), sent, time };
}

const { next } = nextThat();
const url = 'https://registry.test/v2/team/app/manifests/one';

test('a request asks for no encoding, and has its own headers and its credential', async () => {
  const { layer, sent } = start();
  await layer(outgoing({ headers: { Accept: 'a' }, authorization: 'Bearer token' }), next);
  await layer(outgoing({ method: 'HEAD' }), next);
  const encoding = { 'Accept-Encoding': 'identity' };
  expect(sent).toEqual([
    ['GET', url, { ...encoding, Accept: 'a', Authorization: 'Bearer token' }, undefined],
    ['HEAD', url, encoding, undefined],
  ]);
});

test('the registry’s time is noted, and no other host’s', async () => {
  const { layer, time } = start({ date: new Date(Date.now() + 3_600_000).toUTCString() });
  await layer(outgoing({ redirectedTo: 'storage.test' }), next);
  expect(time.aheadMs).toBeUndefined();
  await layer(outgoing(), next);
  expect(time.aheadMs).toBeGreaterThan(3_590_000);
});
