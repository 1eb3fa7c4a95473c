/** Why the bucket lacks an image, by the configuration and the last run, without a network. */
import { expect, test } from 'vitest';
import { encodeJson } from '../../../core/json.ts';
import { stateKey } from '../../../core/layout.ts';
import { parseReference } from '../../../core/reference.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { absenceOf } from '../../../mirror-job/drill/absences.ts';
import { LastRunReport } from '../../../mirror-job/drill/last-run.ts';
import { MemoryStore } from '../support/memory-store.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const STORE = 'store: { bucket: b, region: r }';
const YAML = `${STORE}
images:
  - docker.io/library/nginx:1.27
  - { source: docker.io/library/redis, tags: { include: ['7*'] } }
  - docker.io/library/pinned@${DIGEST}
  - inUse: { clusters: [prod], upstreams: [quay.io], exclude: ['quay.io/internal/**'] }
onDemand:
  - { source: 'ghcr.io/team/*', tags: ['v*'] }
`;
const WHOLE = { ended: '2026-06-01T12:00:00.000Z', items: [] };
const SELECTED = 'an entry of lifeboat.yaml';

async function lookFor(
  name: string,
  {
    yaml = YAML,
    report = WHOLE,
    clusters = ['prod'],
  }: { yaml?: string; report?: object | undefined; clusters?: readonly string[] } = {},
) {
  const store = new MemoryStore();
  await store.put(stateKey('default', 'last-run.json'), encodeJson(report), {
    contentType: 'application/json',
  });
  const lastRun = await LastRunReport.read(store, 'default');
  const configuration = parseConfiguration('f.yaml', yaml, {}, { needsImages: false });
  return absenceOf(parseReference(name), clusters, { configuration, lastRun });
}

test.for<readonly [name: string, clusters: readonly string[]]>([
  ['docker.io/library/nginx:1.28', ['prod']],
  ['docker.io/library/redis:6', ['prod']],
  ['docker.io/library/absent:1', ['prod']],
  [`docker.io/library/absent@${DIGEST}`, ['prod']],
  ['quay.io/internal/app:1', ['prod']],
  ['quay.io/org/app:1', ['test']],
  ['ghcr.io/team/app:latest', ['prod']],
  [`ghcr.io/team/app@${DIGEST}`, ['prod']],
])('nothing selects %s of %s', async ([name, clusters]) => {
  expect(await lookFor(name, { clusters })).toEqual({
    reason: 'not-selected',
    says: 'no entry of lifeboat.yaml selects it',
  });
});

test.for<readonly [name: string, says: string, clusters?: readonly string[]]>([
  ['docker.io/library/nginx:1.27', `${SELECTED} names it`],
  [`docker.io/library/pinned@${DIGEST}`, `${SELECTED} names it`],
  [
    'docker.io/library/redis:7.2',
    `${SELECTED} may select it, as far as its rules tell without a list of tags`,
  ],
  [
    `docker.io/library/nginx@${DIGEST}`,
    `${SELECTED} mirrors this repository, and it is not known whether one of its tags has had this digest`,
  ],
  ['quay.io/org/app:1', 'inUse in lifeboat.yaml allows it', ['test', 'prod']],
  ['quay.io/org/app:1', 'inUse in lifeboat.yaml allows it', ['']],
  [`quay.io/org/app@${DIGEST}`, 'inUse in lifeboat.yaml allows it'],
  ['ghcr.io/team/app:v1', 'onDemand in lifeboat.yaml allows it once a client has asked the edge for it'],
])('%s is or may be selected: %s', async ([name, says, clusters = ['prod']]) => {
  expect(await lookFor(name, { clusters })).toEqual({
    reason: 'not-known',
    says: `${says}, and the last run says nothing of it`,
  });
});

test('a failure of the last run counts more than the configuration', async () => {
  const outcome = { result: 'failed', error: 'It answered 503.' };
  const report = { ...WHOLE, items: [{ repository: 'docker.io/library/nginx', reference: '1.27', outcome }] };
  expect(await lookFor('docker.io/library/nginx:1.27', { report })).toEqual({
    reason: 'failed',
    says: 'the last run failed to mirror it: It answered 503',
  });
});

test('what cannot be decided is said to be not known', async () => {
  const nginx = 'docker.io/library/nginx:1.27';
  expect(await lookFor(nginx, { report: { ...WHOLE, unlisted: 2 } })).toEqual({
    reason: 'not-known',
    says: `${SELECTED} names it, and the report of the last run does not list all that failed`,
  });
  expect(await lookFor(nginx, { report: {} })).toEqual({
    reason: 'not-known',
    says: `${SELECTED} names it, and what the last run did is not known: state/default/last-run.json does not say it`,
  });
  expect(await lookFor(nginx, { yaml: STORE })).toEqual({
    reason: 'not-known',
    says: 'whether the job should mirror it is not known, because this lifeboat.yaml selects no images',
  });
});
