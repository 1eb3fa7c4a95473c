/** A run is divided among upstreams: each repository once, and in one place. */
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { planUpstreams } from '../../../mirror-job/workflow/run-plan.ts';

test('the repositories of one upstream are together, and one with images of two upstreams is planned once', () => {
  const { images } = parseConfiguration(
    'lifeboat.yaml',
    `store: { region: r, bucket: b }
images:
  - docker.io/library/alpine:3.20
  - { source: quay.io/team/app, tags: ['1'] }
  - { source: docker.io/library/nginx, tags: ['1'] }
  - { source: ghcr.io/team/app, name: quay.io/team/app, tags: ['2'] }
  - { source: docker.io/library/alpine, tags: ['3.19'] }
  - { source: 'a.test:5000/x', tags: ['1'] }
`,
    {},
  );
  expect(planUpstreams(images)).toEqual([
    { upstream: 'docker.io', repositories: ['docker.io/library/alpine', 'docker.io/library/nginx'] },
    { upstream: 'quay.io', repositories: ['quay.io/team/app'] },
    { upstream: 'a.test:5000', repositories: ['a.test_5000/x'] },
  ]);
});
