/** The parts of the pages that each token opens. */
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeOverview } from '../../../core/overview.ts';
import { parseRepository } from '../../../core/reference.ts';
import { r2Bucket, type TestBucket } from '../support/bucket.ts';
import { putIdentity, putTag } from '../support/content.ts';
import { pageAt } from '../support/page.ts';
import { describedTag, NOW, OVERVIEW, putDescription, putState, REPORT } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';

const [SEEN, UNSEEN] = ['docker.io/library/app', 'quay.io/private/app'];

const NOW_TEXT = new Date(NOW).toISOString();

let bucket: TestBucket;
let tokens = '';

beforeAll(async () => {
  bucket = r2Bucket();
  await putIdentity(bucket, 'token');
  await putState(bucket);
  const tag = await describedTag('1.0', NOW_TEXT);
  const held = [SEEN, UNSEEN].map((name) => ({
    repository: parseRepository(name),
    tag: tag.tag,
    digest: tag.digest,
    since: NOW_TEXT,
    reason: `It waits in ${name}.`,
  }));
  await bucket.put('state/default/overview.json', encodeOverview({ ...OVERVIEW, held }));
  for (const name of [SEEN, UNSEEN]) {
    await putDescription(bucket, name, [await describedTag('1.0', '2026-01-01T00:00:00.000Z')]);
    await putTag(bucket, name, '1.0', 'a');
  }
  const lines = await Promise.all([
    tokenLine('all', 'master', '**'),
    tokenLine('some', 'part', 'docker.io/**'),
    tokenLine('other', 'none', 'registry.k8s.io/**'),
  ]);
  tokens = lines.join('\n');
});

function edgeWith(variables: Record<string, string> = {}): TestEdge {
  const edge = new TestEdge([bucket], { variables: { AUDIENCE: 'token', TOKENS: tokens, ...variables } });
  edge.now = NOW;
  return edge;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('without a token', () => {
  it.each(['/', '/status', `/r/${SEEN}`, '/r/docker.io/library/missing', '/nothing'])(
    '%s says that one is needed, and nothing else',
    async (path) => {
      for (const headers of [{}, bearer('wrong')]) {
        const { status, headers: sent, text, html } = await pageAt(edgeWith(), path, headers);
        expect(status).toBe(403);
        expect(text).toContain('This mirror needs a token');
        expect(html).not.toMatch(/library|quay|aria-label="Main"/);
        expect(sent.get('cache-control')).toBe('no-store');
        expect(sent.get('vary')).toBe('Accept, Authorization');
        expect(sent.get('www-authenticate')).toBeNull();
      }
    },
  );

  it('the browser is asked for a login where the operator wants it', async () => {
    const edge = edgeWith({ AUTH_CHALLENGE: 'basic' });
    const { status, headers, text } = await pageAt(edge, '/');
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Lifeboat"']);
    expect(text).toContain('the token as the password');
    const login = { authorization: `Basic ${btoa('anybody:master')}` };
    expect((await pageAt(edge, '/', login)).text).toContain(UNSEEN);
  });

  it('the files that tell nothing are there', async () => {
    const { html } = await pageAt(edgeWith(), '/');
    const [file = ''] = /\/_assets\/[^"]+\.css/.exec(html) ?? [];
    for (const path of [file, '/robots.txt', '/favicon.ico']) {
      expect([path, (await edgeWith().get(path)).status]).toEqual([path, 200]);
    }
  });
});

describe('with a token for a part', () => {
  it('lists have that part alone', async () => {
    const home = await pageAt(edgeWith(), '/', bearer('part'));
    expect(home.status).toBe(200);
    expect(home.text).toContain(`It waits in ${SEEN}.`);
    expect(home.html).not.toMatch(/quay\.io|ghcr\.io/);
    expect(home.headers.get('cache-control')).toBe('no-store');
    const searched = await pageAt(edgeWith(), '/?q=quay', bearer('part'));
    expect(searched.html).not.toContain(UNSEEN);
  });

  it('the status has no numbers about everything, and only its own failures', async () => {
    const { text, html } = await pageAt(edgeWith(), '/status', bearer('part'));
    expect(text).toContain('The last run was in time.');
    expect(text).toContain(`${SEEN}:1.27`);
    expect(html).not.toMatch(/quay\.io|ghcr\.io|prod|first|89 MB|more line|secret|40 images|not listed/);
    expect(text).toMatch(/Last drill .* docker\.io\/library\/app 1 image lost/);
    const whole = await pageAt(edgeWith(), '/status', bearer('master'));
    expect(whole.text).toMatch(/The last run failed for 2 tags and digests, and left 4 for the next run\./);
    expect(whole.html).toMatch(/quay\.io\/private\/app/);
    expect(whole.text).toMatch(/prod": 37 images/);
    expect(whole.text).toMatch(
      /Last drill 4 lost .*Of 40 images of 1 cluster, 36 would still be pulled \(90 %\)/,
    );
    expect(whole.text).toContain('3 images lost: the last run failed </li>to mirror it');
    expect(whole.text).toContain('secret.test_5000/team/app 2 images lost');
  });

  it('another repository is refused, whether it exists or not', async () => {
    const [there, absent] = await Promise.all(
      [`/r/${UNSEEN}`, '/r/quay.io/private/absent'].map((path) => pageAt(edgeWith(), path, bearer('part'))),
    );
    expect([there?.status, absent?.status]).toEqual([403, 403]);
    expect(there?.text).toContain('This token may not read this repository.');
    expect(there?.text.replace(/Read at .*/, '')).toBe(absent?.text.replace(/Read at .*/, ''));
    const digest = `sha256:${'a'.repeat(64)}`;
    expect((await pageAt(edgeWith(), `/r/${UNSEEN}@${digest}`, bearer('part'))).status).toBe(403);
  });
});

describe('with a token for nothing that is mirrored', () => {
  it('the list says that, and not that somebody has to fill the mirror', async () => {
    const { text } = await pageAt(edgeWith(), '/', bearer('none'));
    expect(text).toContain('This token sees no repository.');
    expect(text).not.toMatch(/Nothing is mirrored|sync/);
  });
});

describe('on a public edge', () => {
  it('names of clusters, stores and persons, and failures of what is not listed, are not shown', async () => {
    const open = r2Bucket();
    await putIdentity(open);
    await putState(open);
    const at = '2026-01-15T00:00:00.000Z';
    const tag = await describedTag('1.0', at);
    const movement = { at, to: tag.digest, run: 'r', why: 'approved', by: 'alice@laptop' };
    await putDescription(open, SEEN, [{ ...tag, movements: [movement] }]);
    await open.put(
      'state/default/last-run.json',
      JSON.stringify({
        ...REPORT,
        items: [
          {
            repository: 'ghcr.io/secret/app',
            outcome: { result: 'failed', error: 'ghcr.io shows it to nobody.' },
          },
        ],
      }),
    );
    const edge = new TestEdge([open]);
    const status = await pageAt(edge, '/status');
    expect(status.html).not.toMatch(/secret|prod|second/);
    expect(status.text).toMatch(/cluster 1: 37 images/);
    expect(status.text).toMatch(/store 2 behind/);
    expect(status.text).toContain('36 would still be pulled');
    expect(status.text).toContain('2 lost images of repositories that are not listed here.');
    expect(status.text).toContain('quay.io/private/app 1 image lost');
    expect(status.text).toMatch(/\d more lines? in the run’s own report/);
    expect((await pageAt(edge, `/r/${SEEN}`)).html).not.toContain('alice');
  });
});
