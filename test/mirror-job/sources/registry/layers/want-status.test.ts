/** Which responses a caller gets, and what the others become. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../../../core/reference.ts';
import { SourceError } from '../../../../../mirror-job/engine/source.ts';
import { ConnectionError } from '../../../../../mirror-job/sources/registry/response/connection-error.ts';
import { wantStatus } from '../../../../../mirror-job/sources/registry/layers/want-status.ts';
import { RedirectError } from '../../../../../mirror-job/sources/registry/response/redirect-error.ts';
import { markRedirected } from '../../../../../mirror-job/sources/registry/response/redirected-response.ts';
import { SILENCE, UNREACHABLE, nextThat, outgoing, response } from './fake-next.ts';

const stop = new AbortController();
const layer = wantStatus({
  upstream: parseUpstream('registry.test'),
  signal: stop.signal,
  describe: async (_request, { status }) => new SourceError(`described ${status}`),
});

async function errorOf(outcome: Error | ReturnType<typeof response>): Promise<unknown> {
  return layer(outgoing({ allow: [200, 404] }), nextThat(outcome).next).then(
    () => undefined,
    (error: unknown) => error,
  );
}

test.each([200, 404])('a %i that the caller wants is returned', async (status) => {
  const wanted = response(status);
  expect(await layer(outgoing({ allow: [200, 404] }), nextThat(wanted).next)).toBe(wanted);
});

test.each([
  [403, false, 'repository'],
  [500, true, 'repository'],
  [429, true, 'registry'],
  [503, true, 'registry'],
])('a %i that the caller does not want becomes its sentence', async (status, isRetryable, failedParty) => {
  expect(await errorOf(response(status))).toMatchObject({
    failure: new SourceError(`described ${status}`),
    isRetryable,
    failedParty,
  });
});

test.each([
  [401, false],
  [500, true],
])(
  'a caller that wants any status gets a %i unless another attempt may change it',
  async (status, isFailure) => {
    const outcome = response(status);
    const got = await layer(outgoing({ allow: 'any' }), nextThat(outcome).next).catch(() => 'failed');
    expect(got).toBe(isFailure ? 'failed' : outcome);
  },
);

test('a 503 of the storage that the registry redirects to is not the failure of the registry', async () => {
  const busy = response(503);
  markRedirected(busy, 'storage.test');
  expect(await errorOf(busy)).toMatchObject({ isRetryable: true, failedParty: 'repository' });
});

test('a connection that fails is the failure of the registry, and names the repository', async () => {
  expect(await errorOf(UNREACHABLE)).toMatchObject({
    isRetryable: true,
    failedParty: 'registry',
    failure: new SourceError('registry.test/team/app: registry.test cannot be reached (ECONNREFUSED).'),
  });
});

test('a silence was counted before, so it is nobody’s failure here', async () => {
  expect(await errorOf(SILENCE)).toMatchObject({ isRetryable: true, failedParty: undefined });
});

test('a host that cannot be reached after a redirect is the end of the redirect', async () => {
  const error = new ConnectionError('storage.test cannot be reached (ECONNREFUSED).');
  markRedirected(error, 'storage.test');
  expect(await errorOf(error)).toMatchObject({ failure: expect.any(RedirectError) });
});

test('other errors are passed on', async () => {
  const error = new SourceError('given up');
  expect(await errorOf(error)).toBe(error);
});

test('a connection that fails because the run has to stop ends with the reason of its signal', async () => {
  stop.abort(new Error('stopped'));
  expect(await errorOf(UNREACHABLE)).toEqual(new Error('stopped'));
});
