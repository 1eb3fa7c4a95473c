/**
 * The order of the layers of a request. docs/decisions/0113-layers-of-a-request.md gives the reason that each test checks. A
 * fake HTTP client stands for the registry, because each test decides which request is answered before which.
 */
import { expect, test } from 'vitest';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import { TimeoutError } from '../../../../mirror-job/engine/support/timeout-error.ts';
import { CredentialRefusedError } from '../../../../mirror-job/sources/registry/auth/credential-refused-error.ts';
import type { HttpResponse } from '../../../../mirror-job/sources/registry/http-client.ts';
import { NO_BUDGET } from '../../../../mirror-job/sources/registry/pace/budget.ts';
import type {
  CredentialProvider,
  RegistryOptions,
} from '../../../../mirror-job/sources/registry/registry-options.ts';
import { ServerError } from '../../../../mirror-job/sources/registry/response/server-error.ts';
import { registryAt, TestClock } from '../../support/harness.ts';
import { response } from './layers/fake-next.ts';

type Outcome = HttpResponse | Error;

const SILENCE = new TimeoutError('an answer');
const GIVEN_UP = 'http://registry.test failed 5 times in a row';
const ONCE = { attempts: 1, delayMs: 10, maxDelayMs: 60_000 };
const FOUR_TIMES = { ...ONCE, attempts: 4 };
const HOUR = '3600';

const ok = () => response(200);
const challenge = () => response(401, { 'www-authenticate': 'Basic realm="registry"' });
const throttled = (retryAfter: string) => response(429, { 'retry-after': retryAfter });
const left = (count: number) => response(200, { 'ratelimit-remaining': String(count) });

function accountOf(username: string): CredentialProvider {
  return async () => ({ username, password: 'secret', from: 'of the test' });
}

/** Waits until everything that can run has run. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function start(options: Partial<RegistryOptions> = {}) {
  const clock = new TestClock();
  const startMs = clock.now().getTime();
  /** The method and the repository of each request, or the host that a redirect leads to. */
  const sent: string[] = [];
  const sentAfterMs: number[] = [];
  const unanswered: ((outcome: Outcome) => void)[] = [];
  const registry = await registryAt('registry.test', {
    clock,
    retry: ONCE,
    httpClient: ({ host, pathname }, { method }) =>
      new Promise((resolve, reject) => {
        sent.push(`${method} ${host === 'registry.test' ? pathname.split('/')[2] : host}`);
        sentAfterMs.push(clock.now().getTime() - startMs);
        unanswered.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
      }),
    ...options,
  });
  /** @returns the status, or the error */
  const ask = async (path: string, method: 'GET' | 'HEAD' = 'HEAD', resource = 'manifests/one') => {
    try {
      return (await registry.request({ method, path, resource }, [200])).status;
    } catch (error) {
      return error;
    }
  };
  /** Ends the requests in the order in which they were sent. What one of them causes is done before the next one ends. */
  const answer = async (...outcomes: readonly Outcome[]): Promise<void> => {
    for (const outcome of outcomes) {
      await settle();
      const end = unanswered.shift();
      if (end === undefined) throw new Error('No request waits for its answer.');
      end(outcome);
    }
    await settle();
  };
  return { clock, sent, sentAfterMs, ask, answer, counts: () => registry.report().requests };
}

/** The registry has answered a HEAD and the GET of a manifest, so that no request waits for the first one. */
async function startAfterFirst(options: Partial<RegistryOptions> = {}) {
  const started = await start(options);
  const firsts = [started.ask('first'), started.ask('first', 'GET')];
  await started.answer(ok(), ok());
  await Promise.all(firsts);
  started.sent.length = 0;
  started.sentAfterMs.length = 0;
  return started;
}

/** Gives each of several requests the same outcome. */
function times(count: number, outcome: () => Outcome): Outcome[] {
  return Array.from({ length: count }, outcome);
}

test('a request is not sent if the registry is given up while it waits for the first one', async () => {
  const { sent, ask, answer } = await start();
  const [first, second] = [ask('a'), ask('b')];
  await answer(throttled(HOUR));
  expect([sent, await first]).toEqual([['HEAD a'], expect.any(SourceError)]);
  expect(String(await second)).toContain('the registry allows no request until');
});

test('a request is not sent, and waits no longer, if the registry is given up while it waits for its turn', async () => {
  const { clock, sent, ask, answer } = await startAfterFirst({ retry: FOUR_TIMES });
  const requests = [ask('a')];
  await answer(...times(4, () => throttled('5')));
  requests.push(ask('a'), ask('a'));
  await answer(...times(3, () => throttled('5')));
  for (const request of requests.slice(1)) {
    expect(String(await request)).toContain('registry.test answered 429 to 7 HEADs of a in a row');
  }
  // Each request after a refusal waits. Nothing waits after the seventh refusal.
  expect([sent.length, clock.sleeps]).toEqual([7, Array.from({ length: 6 }, () => 5000)]);
});

test('a request is not sent if the registry is given up while it waits for room in the window', async () => {
  const { sent, ask, answer } = await startAfterFirst({ concurrency: 1 });
  const requests = [ask('a'), ask('b')];
  await answer(throttled(HOUR));
  expect(String(await requests[1])).toContain('the registry allows no request until');
  expect(sent).toEqual(['HEAD a']);
});

test('a further attempt does not wait for its turn if the registry was given up during the attempt before', async () => {
  const { clock, ask, answer } = await startAfterFirst({ retry: FOUR_TIMES });
  for (let count = 0; count < 4; count += 1) {
    const failing = ask('a');
    await answer(...times(4, () => response(500)));
    await failing;
  }
  const last = ask('a');
  await answer(...times(3, () => response(500)));
  const request = ask('a');
  await answer(response(500), throttled('5'));
  await last;
  expect(String(await request)).toContain('a failed 5 times in a row');
  expect(clock.sleeps).not.toContain(5000);
});

test('a request that is not sent does not take the place of the first GET of a manifest', async () => {
  const { sent, ask, answer } = await start();
  for (let count = 0; count < 5; count += 1) {
    const request = ask('a');
    await answer(response(500));
    await request;
  }
  expect(String(await ask('a', 'GET'))).toContain('a failed 5 times in a row');
  sent.length = 0;
  const requests = [ask('b', 'GET'), ask('c', 'GET')];
  await settle();
  expect(sent).toEqual(['GET b']);
  await answer(ok(), ok());
  expect(await Promise.all(requests)).toEqual([200, 200]);
});

test('requests wait for the first response, but not for its body or for another attempt', async () => {
  const { sent, ask, answer } = await start({ retry: FOUR_TIMES });
  const requests = [ask('a', 'GET', 'blobs/one'), ask('b', 'GET', 'blobs/one')];
  const { promise: bodyBegins, resolve: beginBody } = Promise.withResolvers<void>();
  async function* slowBody() {
    await bodyBegins;
    yield Buffer.from('busy');
  }
  await answer({ ...response(500), body: slowBody() });
  expect(sent).toEqual(['GET a', 'GET b']);
  beginBody();
  await answer(ok(), ok());
  expect([await Promise.all(requests), sent]).toEqual([
    [200, 200],
    ['GET a', 'GET b', 'GET a'],
  ]);
});

test('requests that waited for the first one are sent one at a time if it is refused', async () => {
  const { sent, sentAfterMs, ask, answer } = await start();
  const requests = [ask('a'), ask('b'), ask('c')];
  await answer(throttled('5'));
  expect([sent, sentAfterMs]).toEqual([
    ['HEAD a', 'HEAD b'],
    [0, 5000],
  ]);
  await answer(ok(), ok());
  expect(await Promise.all(requests)).toEqual([expect.any(SourceError), 200, 200]);
});

test('each attempt waits for room in the window, and is counted like a first one', async () => {
  const { sent, ask, answer, counts } = await startAfterFirst({ retry: FOUR_TIMES, concurrency: 1 });
  const before = counts().heads;
  const requests = [ask('a'), ask('b')];
  await answer(response(500), ok(), ok());
  expect(await Promise.all(requests)).toEqual([200, 200]);
  expect([sent, counts().heads - before]).toEqual([['HEAD a', 'HEAD b', 'HEAD a'], 3]);
});

test('each attempt waits for its turn after a refusal', async () => {
  const { sent, sentAfterMs, ask, answer } = await startAfterFirst({ retry: FOUR_TIMES });
  const requests = [ask('a')];
  await answer(throttled('5'));
  requests.push(ask('b'));
  await settle();
  expect(sent).toEqual(['HEAD a', 'HEAD a']);
  await answer(ok(), ok());
  expect(await Promise.all(requests)).toEqual([200, 200]);
  expect([sent, sentAfterMs]).toEqual([
    ['HEAD a', 'HEAD a', 'HEAD b'],
    [0, 5000, 5000],
  ]);
});

test('the circuit breaker counts a request once, after its last attempt, and the caller gets its sentence', async () => {
  const { sent, ask, answer } = await startAfterFirst({ retry: FOUR_TIMES });
  for (let count = 0; count < 5; count += 1) {
    const request = ask('a');
    await answer(...times(4, () => response(500)));
    expect(await request).toEqual(
      new ServerError('registry.test/a: the registry answered 500 to HEAD manifests/one.'),
    );
  }
  expect(String(await ask('a'))).toContain('a failed 5 times in a row');
  expect(sent.length).toBe(20);
});

test('the circuit breaker counts silence at each attempt', async () => {
  const { sent, ask, answer } = await startAfterFirst({ retry: FOUR_TIMES });
  const first = ask('a');
  await answer(...times(4, () => SILENCE));
  expect(String(await first)).toContain('did not answer');
  const second = ask('a');
  await answer(SILENCE);
  expect(String(await second)).toContain(GIVEN_UP);
  expect(sent.length).toBe(5);
});

test('silences that follow each other in the window do not count as one', async () => {
  const { sent, ask, answer } = await startAfterFirst({ concurrency: 1 });
  const requests = Array.from({ length: 6 }, () => ask('a'));
  await answer(...times(5, () => SILENCE));
  expect(String(await requests[5])).toContain(GIVEN_UP);
  expect(sent.length).toBe(5);
});

test('the pause that Retry-After asks for begins before the window lets the next request in', async () => {
  const { sent, sentAfterMs, ask, answer } = await startAfterFirst({ concurrency: 1 });
  const requests = [ask('a'), ask('b')];
  await answer(throttled('5'), ok());
  expect(await Promise.all(requests)).toEqual([expect.any(SourceError), 200]);
  expect([sent, sentAfterMs]).toEqual([
    ['HEAD a', 'HEAD b'],
    [0, 5000],
  ]);
});

test('the Retry-After for one account pauses nothing if another account is answered', async () => {
  const accounts = [accountOf('one'), accountOf('two')];
  const { clock, sent, ask, answer } = await startAfterFirst({ accounts });
  const requests = [ask('a')];
  await answer(throttled(HOUR), ok());
  requests.push(ask('b'));
  await answer(ok());
  expect([await Promise.all(requests), sent]).toEqual([
    [200, 200],
    ['HEAD a', 'HEAD a', 'HEAD b'],
  ]);
  expect(clock.sleeps).toEqual([]);
});

test('another account asks at once when one is refused, and takes no second place in the window', async () => {
  const accounts = [accountOf('one'), accountOf('two')];
  const { sent, ask, answer } = await startAfterFirst({ accounts, concurrency: 1 });
  const requests = [ask('a'), ask('b')];
  await answer(response(403), ok(), ok());
  expect(await Promise.all(requests)).toEqual([200, 200]);
  expect(sent).toEqual(['HEAD a', 'HEAD a', 'HEAD b']);
});

test('another account asks when the quota of one is to be left to others', async () => {
  const accounts = [accountOf('one'), accountOf('two')];
  const { sent, ask, answer } = await start({ accounts, budget: { ...NO_BUDGET, keepRemaining: 5 } });
  const request = ask('a', 'GET');
  await answer(left(5), left(6), left(5));
  expect([await request, sent]).toEqual([200, ['HEAD a', 'HEAD a', 'GET a']]);
});

test('the answer to a challenge is not another request of the budget', async () => {
  const budget = { ...NO_BUDGET, manifestGetsPerRun: 1 };
  const { sent, ask, answer } = await start({ accounts: [accountOf('one')], budget });
  const request = ask('a', 'GET');
  await answer(challenge(), ok());
  expect([await request, sent]).toEqual([200, ['GET a', 'GET a']]);
});

test('a password that was refused is not sent again, and a request that is not sent is not counted', async () => {
  const { sent, ask, answer, counts } = await start({ accounts: [accountOf('one')] });
  const first = ask('a', 'GET');
  await answer(challenge(), challenge());
  expect(await first).toBeInstanceOf(SourceError);
  const second = ask('a', 'GET');
  await settle();
  expect([sent.length, counts().manifestGets]).toEqual([2, 2]);
  expect(await second).toBeInstanceOf(CredentialRefusedError);
});

test('redirects are followed within one request', async () => {
  const { sent, ask, answer, counts } = await start();
  const request = ask('a', 'GET', 'blobs/one');
  await answer(response(307, { location: 'http://storage.test/one' }), ok());
  expect([await request, sent, counts().blobGets]).toEqual([200, ['GET a', 'GET storage.test'], 1]);
});

test('a challenge of the storage that a registry redirects to gets no password', async () => {
  const { sent, ask, answer } = await start({ accounts: [accountOf('one')] });
  const request = ask('a', 'GET', 'blobs/one');
  await answer(response(307, { location: 'http://storage.test/one' }), challenge());
  expect([await request, sent]).toEqual([expect.any(SourceError), ['GET a', 'GET storage.test']]);
});
