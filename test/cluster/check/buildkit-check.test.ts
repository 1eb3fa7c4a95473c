/** The check of BuildKit. */
import { expect, test } from 'vitest';
import { checkBuildkit } from '../../../cluster/check/buildkit-check.ts';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { parseUpstream } from '../../../core/reference.ts';
import { check, nodeOf } from './node.ts';

const PATH = '/etc/buildkit/buildkitd.toml';

function mirrors(...locations: readonly string[]): string {
  return `[registry."docker.io"]\nmirrors = ${JSON.stringify(locations)}\n`;
}

test.for<readonly [string, string, Verdict['asked'], RegExp]>([
  ['its mirror', mirrors('edge.test/docker.io'), 'first', /^$/],
  ['its mirror with a scheme and a slash', mirrors('https://edge.test/docker.io/'), 'first', /^$/],
  ['the host alone', mirrors('edge.test'), 'first', /^$/],
  ['another mirror before it', mirrors('a.test', 'edge.test/docker.io'), 'first', /^$/],
  ['the upstream before it', mirrors('registry-1.docker.io', 'edge.test/docker.io'), 'last', /^$/],
  [
    'the path of the API',
    mirrors('edge.test/v2/docker.io'),
    'no',
    /named as .*\. Write edge\.test\/docker\.io\./,
  ],
  ['another registry', mirrors('edge.test/quay.io'), 'no', /Write edge\.test\/docker\.io\./],
  [
    'another mirror',
    mirrors('a.test/docker.io'),
    'no',
    /does not name https:\/\/edge\.test in the mirrors of docker/,
  ],
  ['no mirror', '[worker.oci]\nenabled = true\n', 'no', /does not name https:\/\/edge\.test/],
  ['a file that cannot be parsed', '[registry', 'no', /is not valid TOML .* BuildKit does not start/],
])('BuildKit with %s', ([, text, expected, reason]) => {
  const { runtime, asked, reasons } = check({ [PATH]: text });
  expect([runtime, asked, reasons.join('\n')]).toEqual(['BuildKit', expected, expect.stringMatching(reason)]);
});

test.for<readonly [string, string, Verdict['asked'], RegExp]>([
  ['https://edge.test', '', 'first', /^$/],
  ['https://edge.test', 'http = false', 'first', /^$/],
  [
    'https://edge.test',
    'http = true',
    'no',
    /in plain HTTP\. Write http = false in \[registry\."edge\.test"\]/,
  ],
  ['https://edge.test', 'http = true\ninsecure = true', 'first', /^$/],
  ['http://edge.test', '', 'no', /asked by https, because \[registry\."edge\.test"\] has no http = true/],
  ['http://edge.test', 'insecure = true', 'no', /asked by https/],
  ['http://edge.test', 'http = true', 'first', /^$/],
  ['http://127.0.0.1:8787', '', 'first', /^$/],
  ['http://localhost:8787', 'http = false', 'no', /asked by https/],
  ['https://localhost:8787', '', 'no', /in plain HTTP/],
])('an edge at %s, whose own entry has "%s"', ([edge, own, expected, reason]) => {
  const { host } = new URL(edge);
  const text = `${mirrors(`${host}/docker.io`)}${own === '' ? '' : `[registry."${host}"]\n${own}\n`}`;
  const upstreams = [{ name: parseUpstream('docker.io'), isInsecure: false }];
  const [verdict] = checkBuildkit(nodeOf({ [PATH]: text }), { edge, upstreams });
  expect([verdict?.asked, verdict?.reasons.join()]).toEqual([expected, expect.stringMatching(reason)]);
});

test('a BuildKit without buildkitd.toml is found', () => {
  expect(check({ '/etc/buildkit/': '' }).reasons).toEqual([
    `there is no ${PATH}. "lifeboat clients buildkit --edge https://edge.test --upstream docker.io" makes it.`,
  ]);
});

test.for([PATH, '/etc/buildkit'])('%s that cannot be read never counts as absent', (path) => {
  expect(check({}, { unreadable: { [path]: 'EACCES' } }).reasons).toEqual([
    `${path} cannot be read (EACCES). Run this as root.`,
  ]);
});
