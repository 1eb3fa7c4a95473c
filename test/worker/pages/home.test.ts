/** The list of repositories on the home page, its search, and the command that is made from it. */
import { expect, it } from 'vitest';
import { stateKey } from '../../../core/layout.ts';
import { encodeOverview } from '../../../core/overview.ts';
import { parseRepository } from '../../../core/reference.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { pageAt } from '../support/page.ts';
import { NOW, OVERVIEW } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';

async function edgeWith(names: readonly string[]): Promise<TestEdge> {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  const repositories = names
    .map((name) => ({ name: parseRepository(name), tags: 1, pins: 0, held: 0, gone: 0 }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  await bucket.put(stateKey('default', 'overview.json'), encodeOverview({ ...OVERVIEW, repositories }));
  const edge = new TestEdge([bucket]);
  edge.now = NOW;
  return edge;
}

it.each(['localhost:5000', 'localhost_5000', 'LOCALHOST:5000/team', '5000/team/app'])(
  'a search for "%s" finds a registry with a port',
  async (search) => {
    const edge = await edgeWith(['localhost:5000/team/app', 'localhost:5001/team/app']);
    const { html } = await pageAt(edge, `/?q=${encodeURIComponent(search)}`);
    expect(html.match(/href="\/r\/[^"]+"/g)).toEqual(['href="/r/localhost_5000/team/app"']);
    expect(html).toContain(`value="${search}"`);
  },
);

it('the tabs of runtimes keep the search and the page of the list', async () => {
  const edge = await edgeWith(Array.from({ length: 120 }, (_, index) => `quay.io/team/app-${index}`));
  const { html, text } = await pageAt(edge, '/?q=app-&page=2');
  expect(text).toContain('51–100 of 120');
  expect(html).toContain('href="/?client=docker&amp;q=app-&amp;page=2#use"');
  const chosen = await pageAt(edge, '/?client=docker&q=app-&page=2');
  expect(chosen.text).toContain('51–100 of 120');
  expect(chosen.text).toContain('npx lifeboat clients docker');
  const whole = await pageAt(edge, '/');
  expect(whole.html).toContain('href="/?client=docker#use"');
});

it('the command names ten upstreams at most, those with the most repositories, and the page says so', async () => {
  const few = Array.from({ length: 132 }, (_, index) => `registry-${index}.test/app`);
  const edge = await edgeWith([...few, 'zot.test/one', 'zot.test/two']);
  const { text } = await pageAt(edge, '/');
  expect(text.match(/--upstream/g)).toHaveLength(10 + 1);
  expect(text).toContain('--edge https://mirror.example.com --upstream zot.test --upstream registry-0.test ');
  expect(text).toContain('It names 10 of 133 upstreams. Add --upstream for each other one that you use.');
  const small = await pageAt(await edgeWith(few.slice(0, 10)), '/');
  expect(small.text.match(/--upstream/g)).toHaveLength(10);
  expect(small.text).not.toContain('It names');
});
