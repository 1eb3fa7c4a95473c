/** Tests that a run hears of a refused store before any of its writes fails, however many are waiting. */
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { tagListKey } from '../../../core/layout.ts';
import { parseRepository } from '../../../core/reference.ts';
import { openOneEarly } from '../../../mirror-job/assembly/stores.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { createStoreAgents } from '../../../mirror-job/runtime/node/agents.ts';
import { close, listen } from '../../support/http-server.ts';

const IDENTITY = JSON.stringify({ version: 1, id: 'an-id', audience: 'public' });
const WRITES = 500;

/** Opens a bucket whose server ignores conditions, and answers the probe when `answer` is called. */
async function openUnsafe(signal: AbortSignal, onRefused: (refusal: unknown) => void) {
  const answered = Promise.withResolvers<void>();
  const puts: string[] = [];
  const server = createServer((request, response) => {
    if (request.method !== 'PUT') {
      response.writeHead(200, { etag: '"e"' }).end(IDENTITY);
      return;
    }
    puts.push(request.url ?? '');
    void answered.promise.then(() => response.writeHead(200, { etag: '"e"' }).end());
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  onTestFinished(() => close(server));
  const store = { endpoint, bucket: 'bucket', accessKeyId: 'id', secretAccessKey: 'key', pathStyle: true };
  const text = JSON.stringify({ store, images: ['a.test/app:1'] });
  const { lead } = await openOneEarly('f.yaml', parseConfiguration('f.yaml', text, {}), {
    agents: createStoreAgents(),
    signal,
    checkClock: async () => {},
    ahead: [],
    onRefused,
  });
  return { lead, puts, answer: () => answered.resolve() };
}

/** Begins many writes, each of which calls `onFailure` when it fails. */
function writeMuch(lead: Awaited<ReturnType<typeof openUnsafe>>['lead'], onFailure: () => void) {
  return Array.from({ length: WRITES }, (_, index) =>
    lead
      .put(tagListKey(parseRepository(`a.test/app-${index}`)), new Uint8Array(), {
        contentType: 'application/json',
      })
      .catch(onFailure),
  );
}

test('a run hears of the refusal before the first of many waiting writes fails', async () => {
  const events: string[] = [];
  const { lead, puts, answer } = await openUnsafe(new AbortController().signal, (refusal) =>
    events.push(String(refusal)),
  );
  const writes = writeMuch(lead, () => events.push('a write failed'));
  answer();
  await Promise.all(writes);
  expect(events[0]).toMatch(/^ConfigurationError: .*does not honour If-None-Match/s);
  expect(events.slice(1)).toEqual(Array.from({ length: WRITES }, () => 'a write failed'));
  expect(new Set(puts).size).toBe(1);
});

test('a run that has to stop hears of no refusal, and writes nothing', async () => {
  const stop = new AbortController();
  const events: string[] = [];
  const { lead, puts, answer } = await openUnsafe(stop.signal, (refusal) => events.push(String(refusal)));
  const writes = writeMuch(lead, () => events.push('a write failed'));
  stop.abort();
  answer();
  await Promise.all(writes);
  expect(events).toEqual(Array.from({ length: WRITES }, () => 'a write failed'));
  expect(new Set(puts).size).toBeLessThan(2);
});
