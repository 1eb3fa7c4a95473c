/** An image that is chosen alone still gets the policy of all entries of its name. */
import { expect, test } from 'vitest';
import { parseTag } from '../../../core/reference.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { policyFor } from '../../../mirror-job/engine/tags/policy-for.ts';
import { createStoreAgents } from '../../../mirror-job/runtime/node/agents.ts';
import { openImages } from '../../../mirror-job/assembly/images.ts';
import { nodeOpeners } from '../../../mirror-job/assembly/source-openers.ts';
import { NO_PROXIES } from '../../../mirror-job/runtime/node/proxies.ts';
import { chooseImages } from '../../../mirror-job/commands/arguments/image-selection.ts';
import { TestClock } from '../support/harness.ts';

const TEXT = `store: { region: r, bucket: b }
images:
  - { source: a.test/app, tags: ['*'] }
  - { source: a.test/app, tags: ['1.0'], moves: { policy: immutable } }
  - { source: a.test/other, tags: ['*'], moves: { policy: hold } }
`;

test.each([
  ['all entries', []],
  ['a tag on the command line', ['a.test/app:1.0']],
])('all entries of its name decide the policy of a tag, with %s chosen', async (_, chosen) => {
  const clock = new TestClock();
  const { signal } = new AbortController();
  const configuration = parseConfiguration('/etc/f.yaml', TEXT, {});
  const images = await openImages(
    { ...configuration, images: chooseImages(configuration, chosen) },
    {
      clock,
      log: { info: () => {}, warn: () => {} },
      signal,
      audience: 'public',
      entries: configuration.images,
      ...nodeOpeners({
        clock,
        signal,
        proxies: NO_PROXIES,
        agents: createStoreAgents(),
        dockerConfigs: async () => [],
      }),
    },
  );
  const [app] = images;
  if (app === undefined) throw new Error('There is an image.');
  expect(app.repository).toBe('a.test/app');
  expect(policyFor(parseTag('1.0'), app).policy).toBe('immutable');
  expect(policyFor(parseTag('2.0'), app).policy).toBe('follow');
});
