/** The check of podman, skopeo and CRI-O. */
import { expect, test } from 'vitest';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { check } from './node.ts';

const DROP_IN = '/etc/containers/registries.conf.d/50-lifeboat.conf';

function registry(mirror: string, more = ''): string {
  return `[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n${more}[[registry.mirror]]\n${mirror}`;
}

test.for<readonly [string, Readonly<Record<string, string>>, Verdict['asked'], RegExp]>([
  ['its drop-in', { [DROP_IN]: registry('location = "edge.test/docker.io"\n') }, 'first', /^$/],
  ['no entry', { [DROP_IN]: '' }, 'no', /no file names docker\.io/],
  [
    'a scheme',
    { [DROP_IN]: registry('location = "https://edge.test/docker.io"\n') },
    'no',
    /Write edge\.test\/docker\.io/,
  ],
  [
    'another registry',
    { [DROP_IN]: registry('location = "edge.test/quay.io"\n') },
    'no',
    /Write edge\.test\/docker\.io/,
  ],
  [
    'no path, which is right for the default upstream',
    { [DROP_IN]: registry('location = "edge.test"\n') },
    'first',
    /DEFAULT_UPSTREAM says so\. Write edge\.test\/docker\.io/,
  ],
  [
    'a mistake in the entry of another registry',
    {
      [DROP_IN]: `${registry('location = "edge.test/docker.io"\n')}[[registry]]\nlocation = "https://quay.io"\n`,
    },
    'no',
    /is named with https:\/\/ or http:\/\/\. Write quay\.io\. podman and CRI-O pull nothing/,
  ],
  [
    'an unknown pull-from-mirror',
    { [DROP_IN]: registry('location = "edge.test/docker.io"\npull-from-mirror = "digests"\n') },
    'no',
    /pull-from-mirror = "digests" is unknown/,
  ],
  [
    'a drop-in that older versions do not read',
    {
      '/usr/share/containers/registries.conf.d/50-lifeboat.conf': registry(
        'location = "edge.test/docker.io"\n',
      ),
      [DROP_IN.replace('50-lifeboat', '00-other')]: '',
    },
    'no',
    /Older versions of them, .* read drop-ins of \/etc\/containers\/registries\.conf\.d alone/,
  ],
  [
    'an edge that is blocked',
    {
      [DROP_IN]: `${registry('location = "edge.test/docker.io"\n')}[[registry]]\nlocation = "edge.test"\nblocked = true\n`,
    },
    'no',
    /blocks the edge itself/,
  ],
  [
    'both kinds of digests only',
    {
      [DROP_IN]: registry(
        'location = "edge.test/docker.io"\npull-from-mirror = "digest-only"\n',
        'mirror-by-digest-only = true\n',
      ),
    },
    'no',
    /mirror-by-digest-only beside pull-from-mirror/,
  ],
  [
    'a longer prefix',
    {
      [DROP_IN]: `${registry('location = "edge.test/docker.io"\n')}[[registry]]\nlocation = "docker.io/library"\n`,
    },
    'first',
    /an entry for docker\.io\/library, which counts there instead/,
  ],
  [
    'a later file that replaces it',
    {
      [DROP_IN]: registry('location = "edge.test/docker.io"\n'),
      '/etc/containers/registries.conf.d/90-other.conf': registry('location = "other.test/docker.io"\n'),
    },
    'no',
    /90-other\.conf does not name/,
  ],
  [
    'a file of the same name in a later folder',
    {
      [DROP_IN]: registry('location = "edge.test/docker.io"\n'),
      '/usr/share/containers/registries.conf.d/50-lifeboat.conf': registry(
        'location = "other.test/docker.io"\n',
      ),
    },
    'first',
    /^$/,
  ],
  [
    'the upstream before it',
    {
      [DROP_IN]: registry('location = "docker.io"\n[[registry.mirror]]\nlocation = "edge.test/docker.io"\n'),
    },
    'last',
    /^$/,
  ],
  ['a file that cannot be parsed', { [DROP_IN]: '[[registry' }, 'no', /is not valid TOML/],
])('podman and CRI-O with %s', ([, files, expected, reason]) => {
  const { asked, reasons } = check(files);
  expect(asked).toBe(expected);
  expect(reasons.join('\n')).toMatch(reason);
});

test.for([
  '/etc/containers',
  '/etc/containers/registries.conf',
  '/etc/containers/registries.conf.d',
  '/etc/containers/registries.conf.d/90-other.conf',
  '/usr/share/containers/registries.conf.d/90-other.conf',
])('%s that cannot be read never counts as absent', (path) => {
  const files = { [DROP_IN]: registry('location = "edge.test/docker.io"\n') };
  expect(check(files, { unreadable: { [path]: 'EACCES' } })).toMatchObject({
    asked: 'no',
    reasons: [`${path} cannot be read (EACCES). Run this as root.`],
  });
});

test('an unreadable file that they do not need does not matter', () => {
  const files = { [DROP_IN]: registry('location = "edge.test/docker.io"\n') };
  expect(check(files, { unreadable: { '/etc/containers/policy.json': 'EACCES' } }).asked).toBe('first');
});

const DIGESTS = 'location = "edge.test/docker.io"\npull-from-mirror = "digest-only"\n';
const TAGS = 'location = "edge.test/docker.io"\npull-from-mirror = "tag-only"\n';
const UPSTREAM = 'location = "docker.io"\n';
const WRONG = 'location = "edge.test/quay.io"\n';

test.for<readonly [string, readonly string[], Verdict['asked'], Verdict['names'], RegExp]>([
  ['the edge for digests', [DIGESTS], 'first', 'digests', /^$/],
  ['the edge for tags', [TAGS], 'first', 'tags', /"tag-only", so it is not asked for digests\.$/],
  ['the edge for digests, and for tags', [DIGESTS, TAGS], 'first', 'all', /^$/],
  [
    'the edge for digests, the upstream, and the edge for tags',
    [DIGESTS, UPSTREAM, TAGS],
    'first',
    'all',
    /the edge is asked for tags only when docker\.io fails\.$/,
  ],
  ['the upstream before both', [UPSTREAM, DIGESTS, TAGS], 'last', 'all', /^$/],
  [
    'a wrong location of the edge, and a right one',
    [WRONG, TAGS],
    'first',
    'tags',
    /Write edge\.test\/docker/,
  ],
])('podman and CRI-O with %s', ([, mirrors, asked, names, reason]) => {
  const verdict = check({ [DROP_IN]: registry(mirrors.join('[[registry.mirror]]\n')) });
  expect(verdict).toMatchObject({ asked, names });
  expect(verdict.reasons.join('\n')).toMatch(reason);
});
