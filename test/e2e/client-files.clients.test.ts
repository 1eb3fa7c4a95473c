/**
 * Real containerds get the files of `lifeboat clients`, and `lifeboat clients --check` says of the files of a node what the edge sees:
 * it says "not asked" exactly where nothing was asked. The registries that the references name are down, unless a test says
 * otherwise.
 */
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareClientFiles } from '../support/clients/client-files.ts';
import { startContainerdDaemon, type ContainerdVersion } from '../support/clients/containerd-daemon.ts';
import { pullImage } from '../support/clients/image-service.ts';
import { MAIN } from '../support/clients/mirrored-app.ts';
import { runProgram } from '../support/process.ts';

const fixture = prepareClientFiles();

interface Node {
  /** The content of config.toml. */
  readonly config: string;
  /** Further files, by their path below /etc/containerd. */
  readonly files?: Readonly<Record<string, string>>;
  /** Empty folders, the same. */
  readonly folders?: readonly string[];
}

/** Pulls an image with a containerd that has these files. @returns whether it asked the edge, and what the check says */
async function observe(
  version: ContainerdVersion,
  { config, files = {}, folders = [] }: Node,
  image: string,
) {
  const daemon = await startContainerdDaemon('files', { version, configuration: config, files, folders });
  try {
    const root = resolve(daemon.hosts, '../../..');
    const { asked: says } = await fixture.app.check(root, /^containerd/, '--containerd', version);
    await pullImage(daemon.socket, { image, timeout: 60_000 }).catch(() => undefined);
    return { says, isAsked: fixture.app.isAsked() };
  } finally {
    await daemon.stop();
  }
}

const TABLE = {
  1: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n',
  2: 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n',
} as const;

const ONE_FOLDER = 'config_path = "/etc/containerd/certs.d"\n';

function hosts(text: string): Readonly<Record<string, string>> {
  return { 'certs.d/docker.io/hosts.toml': text };
}

/** @returns a good hosts.toml for the edge */
function good(): string {
  return `server = "https://registry-1.docker.io"\n[host."${fixture.app.edge.url}/v2/docker.io"]\ncapabilities = ["pull", "resolve"]\noverride_path = true\n`;
}

const VERSIONS: readonly ContainerdVersion[] = ['1', '2'];

describe.each(VERSIONS)('containerd %s, by CRI', (version) => {
  test.each<readonly [string, readonly string[], string, boolean]>([
    ['for tags too, it pulls a tag', ['--tags'], 'tag', true],
    ['for digests, it pulls a digest', [], 'digest', true],
    ['for digests, it does not ask for a tag', [], 'tag', false],
    [
      'upstream first, it asks when the upstream is down',
      ['--tags', '--order', 'upstream-first'],
      'tag',
      true,
    ],
    [
      'with a peer that is down, it goes on to the edge',
      ['--tags', '--peer', 'http://127.0.0.1:1'],
      'tag',
      true,
    ],
  ])('with the files %s', async (_, options, by, isAsked) => {
    const runtime = version === '1' ? 'containerd-1' : 'containerd';
    const { code } = await fixture.app.lifeboat(runtime, ...options, '--out', fixture.folder);
    expect(code).toBe(0);
    const daemon = await startContainerdDaemon('files', {
      version,
      tree: join(fixture.folder, 'etc/containerd'),
    });
    try {
      const image = by === 'tag' ? fixture.app.byTag : fixture.app.byDigest;
      const failure = await pullImage(daemon.socket, { image, timeout: 60_000 }).catch(
        (error: unknown) => error,
      );
      expect(failure === undefined).toBe(isAsked);
      expect(fixture.app.edge.requests.length > 0).toBe(isAsked);
    } finally {
      await daemon.stop();
    }
  });

  test('with one file for every registry, it says which one it means', async () => {
    const { code } = await runProgram(
      process.execPath,
      [
        MAIN,
        'clients',
        version === '1' ? 'containerd-1' : 'containerd',
        '--tags',
        '--edge',
        fixture.app.edge.url,
        '--upstream',
        '*',
        '--out',
        fixture.folder,
      ],
      {},
    );
    expect(code).toBe(0);
    const daemon = await startContainerdDaemon('files', {
      version,
      tree: join(fixture.folder, 'etc/containerd'),
    });
    try {
      await pullImage(daemon.socket, { image: fixture.app.byTag, timeout: 60_000 });
      expect(new Set(fixture.app.edge.requests.map(({ query }) => query.get('ns')))).toEqual(
        new Set(['docker.io']),
      );
    } finally {
      await daemon.stop();
    }
  });

  test.each<readonly [string, () => Node]>([
    ['a good file', () => ({ config: TABLE[version] + ONE_FOLDER, files: hosts(good()) })],
    ['no config_path', () => ({ config: TABLE[version], files: hosts(good()) })],
    ['an empty config_path', () => ({ config: `${TABLE[version]}config_path = ""\n`, files: hosts(good()) })],
    [
      'two folders',
      () => ({
        config: `${TABLE[version]}config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"\n`,
        files: hosts(good()),
      }),
    ],
    [
      'mirrors beside config_path',
      () => ({
        config: `${TABLE[version]}${ONE_FOLDER}[plugins."${PLUGIN[version]}".registry.mirrors."docker.io"]\nendpoint = ["${fixture.app.edge.url}"]\n`,
        files: hosts(good()),
      }),
    ],
    [
      'a version of the file before that of containerd',
      () => ({ config: TABLE[1] + ONE_FOLDER, files: hosts(good()) }),
    ],
    [
      'a drop-in that config.toml imports',
      () => ({
        config: `version = ${version === '1' ? 2 : 3}\nimports = ["/etc/containerd/conf.d/*.toml"]\n`,
        files: { ...hosts(good()), 'conf.d/mirrors.toml': TABLE[version] + ONE_FOLDER },
      }),
    ],
    [
      'a drop-in that config.toml does not import',
      () => ({
        config: `version = ${version === '1' ? 2 : 3}\n`,
        files: { ...hosts(good()), 'conf.d/mirrors.toml': TABLE[version] + ONE_FOLDER },
      }),
    ],
    [
      'a capability that no containerd knows',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts(good().replace('"resolve"', '"resolve", "fetch"')),
      }),
    ],
    [
      'a path without override_path',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts(good().replace('override_path = true\n', '')),
      }),
    ],
    [
      'keys at the top without a server',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts('capabilities = ["pull", "resolve"]\noverride_path = true\n'),
      }),
    ],
    [
      'a file that is no TOML',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: hosts(good().replace('"resolve"]', '"resolve"')),
      }),
    ],
    [
      'an empty folder that hides _default',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: { 'certs.d/_default/hosts.toml': `[host."${fixture.app.edge.url}"]\n` },
        folders: ['certs.d/docker.io'],
      }),
    ],
    [
      'a file for every registry',
      () => ({
        config: TABLE[version] + ONE_FOLDER,
        files: { 'certs.d/_default/hosts.toml': `[host."${fixture.app.edge.url}"]\n` },
      }),
    ],
  ])('the check is right about %s', async (_, node) => {
    const { says, isAsked } = await observe(version, node(), fixture.app.byTag);
    expect(says === 'no' ? 'not asked' : 'asked').toBe(isAsked ? 'asked' : 'not asked');
  });
});

const PLUGIN = { 1: 'io.containerd.grpc.v1.cri', 2: 'io.containerd.cri.v1.images' } as const;
