/**
 * Real podman and skopeo get the files of `lifeboat clients podman`, and `lifeboat clients --check` says of the files of a node what
 * the edge sees. Docker Hub is down.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareClientFiles } from '../support/clients/client-files.ts';
import { startContainersNode } from '../support/clients/containers-node.ts';

const fixture = prepareClientFiles();

const RUNTIME = /podman/;

describe('podman with the file', () => {
  test.each<readonly [string, readonly string[], 'byTag' | 'byDigest', boolean]>([
    ['for tags too, it pulls a tag', ['--tags'], 'byTag', true],
    ['for digests, it pulls a digest', [], 'byDigest', true],
    ['for digests, it does not ask for a tag', [], 'byTag', false],
    [
      'upstream first, it asks when the upstream is down',
      ['--tags', '--order', 'upstream-first'],
      'byTag',
      true,
    ],
  ])('%s', async (_, options, by, isAsked) => {
    expect((await fixture.app.lifeboat('podman', ...options, '--out', fixture.folder)).code).toBe(0);
    const node = fixture.use(await startContainersNode({ tree: fixture.folder }));
    const { code, stderr } = await node.podman('pull', fixture.app[by]);
    expect([code === 0, stderr]).toEqual([isAsked, expect.any(String)]);
    expect(fixture.app.isAsked()).toBe(isAsked);
    const asked = await fixture.app.check(node.root, RUNTIME);
    expect(asked.asked).toBe(options.includes('upstream-first') ? 'last' : 'first');
    if (!isAsked) return;
    const { stdout } = await node.podman('image', 'inspect', '--format', '{{.Digest}}', fixture.app[by]);
    expect(stdout.trim()).toBe(fixture.app.digest);
  });
});

test.each<readonly [string, readonly string[], 'byTag' | 'byDigest', boolean]>([
  ['for tags too, it pulls a tag', ['--tags'], 'byTag', true],
  ['for digests, it pulls a digest', [], 'byDigest', true],
  ['for digests, it does not ask for a tag', [], 'byTag', false],
])('skopeo with the file %s', async (_, options, by, isAsked) => {
  expect((await fixture.app.lifeboat('podman', ...options, '--out', fixture.folder)).code).toBe(0);
  const node = fixture.use(await startContainersNode({ tree: fixture.folder }));
  const { code } = await node.run('skopeo', [
    'copy',
    `docker://${fixture.app[by]}`,
    `dir:${join(fixture.folder, 'image')}`,
  ]);
  expect(code === 0).toBe(isAsked);
  expect(fixture.app.isAsked()).toBe(isAsked);
});

const DROP_IN = '/etc/containers/registries.conf.d/50-lifeboat.conf';
const HUB = '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n';

interface Traps {
  /** `127.0.0.1:5000` */
  readonly host: string;
  /** A table of the edge as a mirror. */
  readonly mirror: string;
  /** An entry with that mirror. */
  readonly good: string;
}

/** @returns the parts of files for the edge of this run */
function parts(): Traps {
  const { host } = new URL(fixture.app.edge.url);
  const mirror = `[[registry.mirror]]\nlocation = "${host}/docker.io"\ninsecure = true\n`;
  return { host, mirror, good: HUB + mirror };
}

type Files = Readonly<Record<string, string>>;

describe('the check is right about', () => {
  test.each<readonly [string, (made: Traps) => Files]>([
    ['a good file', ({ good }) => ({ [DROP_IN]: good })],
    [
      'a prefix that is only a location',
      ({ mirror }) => ({ [DROP_IN]: `[[registry]]\nlocation = "docker.io"\n${mirror}` }),
    ],
    ['registries.conf itself', ({ good }) => ({ '/etc/containers/registries.conf': good })],
    ['no file', () => ({})],
    ['a file that does not name the edge', () => ({ [DROP_IN]: HUB })],
    [
      'an edge with plain HTTP that is not said to have it',
      ({ good }) => ({ [DROP_IN]: good.replace('insecure = true\n', '') }),
    ],
    [
      'an edge with plain HTTP whose own entry says it',
      ({ good, host }) => ({
        [DROP_IN]: `${good.replace('insecure = true\n', '')}[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
      }),
    ],
    [
      'a prefix with a slash at its end',
      ({ good }) => ({ [DROP_IN]: good.replaceAll('"docker.io"', '"docker.io/"') }),
    ],
    [
      'a prefix without a location',
      ({ mirror }) => ({ [DROP_IN]: `[[registry]]\nprefix = "docker.io"\n${mirror}` }),
    ],
    [
      'another drop-in of the old format',
      ({ good }) => ({
        [DROP_IN]: good,
        '/etc/containers/registries.conf.d/90-other.conf': '[registries.search]\nregistries = ["quay.io"]\n',
      }),
    ],
    [
      'registries.conf of both formats',
      ({ good }) => ({
        '/etc/containers/registries.conf': `${good}[registries.search]\nregistries = ["quay.io"]\n`,
      }),
    ],
    [
      'a location without the path of the registry',
      ({ good }) => ({ [DROP_IN]: good.replace('/docker.io"', '"') }),
    ],
    ['a location with a scheme', ({ good, host }) => ({ [DROP_IN]: good.replace(host, `http://${host}`) })],
    [
      'a mirror without a location',
      ({ good }) => ({ [DROP_IN]: `${good}[[registry.mirror]]\ninsecure = true\n` }),
    ],
    [
      'mirror-by-digest-only',
      ({ mirror }) => ({ [DROP_IN]: `${HUB}mirror-by-digest-only = true\n${mirror}` }),
    ],
    [
      'mirror-by-digest-only beside pull-from-mirror',
      ({ mirror }) => ({
        [DROP_IN]: `${HUB}mirror-by-digest-only = true\n${mirror}pull-from-mirror = "all"\n`,
      }),
    ],
    [
      'both of them for another registry',
      ({ good }) => ({
        [DROP_IN]: `${good}[[registry]]\nlocation = "quay.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "a.test"\npull-from-mirror = "all"\n`,
      }),
    ],
    [
      'pull-from-mirror = "tag-only"',
      ({ good }) => ({ [DROP_IN]: `${good}pull-from-mirror = "tag-only"\n` }),
    ],
    [
      'pull-from-mirror = "digest-only"',
      ({ good }) => ({ [DROP_IN]: `${good}pull-from-mirror = "digest-only"\n` }),
    ],
    ['an unknown pull-from-mirror', ({ good }) => ({ [DROP_IN]: `${good}pull-from-mirror = "digests"\n` })],
    [
      'pull-from-mirror of the registry itself',
      ({ mirror }) => ({ [DROP_IN]: `${HUB}pull-from-mirror = "all"\n${mirror}` }),
    ],
    ['a registry without a name', ({ good }) => ({ [DROP_IN]: `${good}[[registry]]\ninsecure = true\n` })],
    ['a registry that is blocked', ({ mirror }) => ({ [DROP_IN]: `${HUB}blocked = true\n${mirror}` })],
    [
      'an edge that is blocked',
      ({ good, host }) => ({ [DROP_IN]: `${good}[[registry]]\nlocation = "${host}"\nblocked = true\n` }),
    ],
    ['a key that no client knows', ({ good }) => ({ [DROP_IN]: `${good}pull-from-mirrors = "all"\n` })],
    [
      'a drop-in of the old format',
      ({ good }) => ({ [DROP_IN]: `[registries.search]\nregistries = ["quay.io"]\n${good}` }),
    ],
    [
      'registries.conf of the old format',
      ({ good }) => ({
        [DROP_IN]: good,
        '/etc/containers/registries.conf': '[registries.search]\nregistries = ["quay.io"]\n',
      }),
    ],
    ['broken TOML', ({ good }) => ({ [DROP_IN]: good.replace('"docker.io"', '"docker.io') })],
    [
      'broken TOML of another file',
      ({ good }) => ({ [DROP_IN]: good, '/etc/containers/registries.conf.d/90-other.conf': 'x = \n' }),
    ],
    [
      'a drop-in with another ending',
      ({ good }) => ({ '/etc/containers/registries.conf.d/50-lifeboat.toml': good }),
    ],
    [
      'a later drop-in that replaces it',
      ({ good }) => ({ [DROP_IN]: good, '/etc/containers/registries.conf.d/90-other.conf': HUB }),
    ],
    [
      'a drop-in after it in registries.conf',
      ({ good }) => ({ [DROP_IN]: HUB, '/etc/containers/registries.conf': good }),
    ],
    [
      'a drop-in of the same name in another folder',
      ({ good }) => ({ [DROP_IN]: good, '/usr/share/containers/registries.conf.d/50-lifeboat.conf': HUB }),
    ],
    [
      'a drop-in that only newer clients read',
      ({ good }) => ({ '/usr/share/containers/registries.conf.d/50-lifeboat.conf': good }),
    ],
  ])('%s', async (_, files) => {
    const node = fixture.use(await startContainersNode({ files: files(parts()) }));
    const checking = fixture.app.check(node.root, RUNTIME);
    await node.inspect(fixture.app.byTag);
    const areTagsAsked = fixture.app.isAsked();
    fixture.app.edge.reset();
    await node.inspect(fixture.app.byDigest);
    const seen = { tags: areTagsAsked, digests: fixture.app.isAsked() };
    const { asked, names, reasons } = await checking;
    const says = (name: string) => asked !== 'no' && (names === 'all' || names === name);
    expect({ tags: says('tags'), digests: says('digests') }).toEqual(seen);
    // A client that does not ask for all is explained, unless "digests" was chosen.
    expect(reasons.length > 0 || seen.digests).toBe(true);
  });

  test('an entry with a longer prefix, which counts for its images alone', async () => {
    const { good } = parts();
    const longer = '[[registry]]\nprefix = "docker.io/library"\nlocation = "docker.io/library"\n';
    const node = fixture.use(await startContainersNode({ files: { [DROP_IN]: good + longer } }));
    const { asked, reasons } = await fixture.app.check(node.root, RUNTIME);
    expect(asked).toBe('first');
    expect(reasons.join()).toContain('docker.io/library');
    await node.inspect(fixture.app.byTag);
    expect(fixture.app.isAsked()).toBe(false);
    await node.inspect(fixture.app.otherByTag);
    expect(fixture.app.isAsked()).toBe(true);
  });
});

test('CONTAINERS_REGISTRIES_CONF in the environment leaves drop-ins alone in podman 4', async () => {
  const { good } = parts();
  const node = fixture.use(
    await startContainersNode({ files: { [DROP_IN]: good, '/etc/containers/other.conf': '' } }),
  );
  const env = { CONTAINERS_REGISTRIES_CONF: '/etc/containers/other.conf' };
  const { code } = await node.run('podman', ['pull', fixture.app.byTag], { env });
  expect(code).toBe(0);
  expect(fixture.app.isAsked()).toBe(true);
});
