/** What the check says of the files of a node. Real daemons confirm the traps of containerd in test/e2e/client-files.clients.test.ts. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../core/reference.ts';
import { checkNode } from '../../../cluster/check/check-node.ts';
import type { NodeFiles } from '../../../cluster/check/node-files.ts';
import type { Verdict } from '../../../cluster/check/verdict.ts';

const EDGE = 'https://edge.test';

/** A node with these files. A path that ends in a slash is an empty folder. */
function nodeOf(
  files: Readonly<Record<string, string>>,
  unreadable: Readonly<Record<string, string>> = {},
): NodeFiles {
  const folders = new Set<string>();
  for (const path of Object.keys(files)) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
      folders.add(path.slice(0, end));
  }
  const present = Object.entries(files).filter(([path]) => !path.endsWith('/'));
  return { files: new Map(present), folders, unreadable: new Map(Object.entries(unreadable)) };
}

function check(
  files: Readonly<Record<string, string>>,
  {
    host = 'docker.io',
    isInsecure = false,
    major = 2,
    unreadable = {},
  }: {
    readonly host?: string;
    readonly isInsecure?: boolean;
    readonly major?: 1 | 2;
    readonly unreadable?: Readonly<Record<string, string>>;
  } = {},
): Verdict {
  const upstreams = [{ name: parseUpstream(host), isInsecure }];
  const [verdict] = checkNode(nodeOf(files, unreadable), { edge: EDGE, upstreams }, major);
  if (verdict === undefined) throw new Error('The node has no runtime.');
  return verdict;
}

const SET =
  'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/etc/containerd/certs.d"\n';
const SET_1 =
  'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n';
const HOSTS = `server = "https://registry-1.docker.io"\n[host."${EDGE}/v2/docker.io"]\ncapabilities = ["pull"]\noverride_path = true\n`;
const CONFIG = '/etc/containerd/config.toml';
const HUB = '/etc/containerd/certs.d/docker.io/hosts.toml';

test('a good node asks the edge first, for digests', () => {
  expect(check({ [CONFIG]: SET, [HUB]: HOSTS })).toEqual({
    runtime: 'containerd 2',
    upstream: 'docker.io',
    asked: 'first',
    names: 'digests',
    reasons: [],
  });
});

test.for<readonly [string, Readonly<Record<string, string>>]>([
  [
    'two folders, the first of which lacks the registry',
    {
      [CONFIG]: SET.replace(
        'certs.d"',
        'certs.d:/etc/docker/certs.d"\n[plugins."io.containerd.cri.v1.images"]\nuse_local_image_pull = true',
      ),
      '/etc/containerd/certs.d/quay.io/hosts.toml': '',
      '/etc/docker/certs.d/docker.io/hosts.toml': HOSTS,
    },
  ],
  [
    'local pull, without config_path',
    {
      [CONFIG]: 'version = 3\n[plugins."io.containerd.cri.v1.images"]\ndiscard_unpacked_layers = true\n',
      [HUB]: HOSTS,
    },
  ],
  [
    'local pull in a file of version 2',
    {
      [CONFIG]:
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\ndiscard_unpacked_layers = true\n',
      [HUB]: HOSTS,
    },
  ],
  [
    'more downloads than usual',
    {
      [CONFIG]: 'version = 3\n[plugins."io.containerd.cri.v1.images"]\nmax_concurrent_downloads = 10\n',
      [HUB]: HOSTS,
    },
  ],
  [
    'logins beside config_path',
    {
      [CONFIG]: `${SET}[plugins."io.containerd.cri.v1.images".registry.configs."a.b".auth]\nusername = "u"\n`,
      [HUB]: HOSTS,
    },
  ],
  [
    'a drop-in with another key of the same plugin',
    {
      [CONFIG]: `imports = ["/etc/containerd/conf.d/*.toml"]\n${SET}`,
      '/etc/containerd/conf.d/a.toml':
        'version = 3\n[plugins."io.containerd.cri.v1.images"]\nsnapshotter = "native"\n',
      [HUB]: HOSTS,
    },
  ],
  [
    'a drop-in of another version',
    {
      [CONFIG]: 'version = 3\nimports = ["conf.d/*.toml"]\n',
      '/etc/containerd/conf.d/a.toml': SET_1,
      [HUB]: HOSTS,
    },
  ],
  [
    'inline mirrors that name it',
    {
      [CONFIG]: `version = 3\n[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\nendpoint = ["${EDGE}/v2/docker.io"]\n`,
    },
  ],
  [
    'one file for every registry',
    { [CONFIG]: SET, '/etc/containerd/certs.d/_default/hosts.toml': `[host."${EDGE}"]\n` },
  ],
  ['the path /v2 alone', { [CONFIG]: SET, [HUB]: `[host."${EDGE}/v2"]\noverride_path = true\n` }],
])('containerd 2 asks the edge with %s', ([, files]) => {
  expect(check(files).asked).toBe('first');
});

test.for<readonly [string, Readonly<Record<string, string>>, RegExp, (1 | 2)?]>([
  [
    'no config_path',
    { [CONFIG]: 'version = 3\n', [HUB]: HOSTS },
    /two folders, which its transfer service reads as the name of one/,
  ],
  ['no config.toml', { [HUB]: HOSTS }, /config_path is not set/],
  [
    'no config_path, containerd 1',
    { [CONFIG]: 'version = 2\n', [HUB]: HOSTS },
    /containerd reads no hosts\.toml/,
    1,
  ],
  [
    'a newer file, containerd 1',
    { [CONFIG]: SET, [HUB]: HOSTS },
    /version 3, which containerd 1 does not know/,
    1,
  ],
  [
    'inline mirrors beside config_path',
    {
      [CONFIG]: `${SET}[plugins."io.containerd.cri.v1.images".registry.mirrors."a.b"]\nendpoint = []\n`,
      [HUB]: HOSTS,
    },
    /does not load its CRI plugin/,
  ],
  [
    'inline certificates beside config_path, containerd 1',
    {
      [CONFIG]: `${SET_1}[plugins."io.containerd.grpc.v1.cri".registry.configs."a.b".tls]\nca_file = "x"\n`,
      [HUB]: HOSTS,
    },
    /configs with tls beside config_path/,
    1,
  ],
  [
    'inline mirrors without it',
    {
      [CONFIG]:
        'version = 3\n[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\nendpoint = ["https://other.test"]\n',
    },
    /does not name https:\/\/edge\.test for docker\.io/,
  ],
  [
    'a config.toml that cannot be parsed',
    { [CONFIG]: 'version = \n', [HUB]: HOSTS },
    /config\.toml:1:\d+ is not valid TOML .* Fix it\. containerd does not start/,
  ],
  [
    'no file for the registry',
    { [CONFIG]: SET, '/etc/containerd/certs.d/quay.io/hosts.toml': '' },
    /there is no hosts\.toml for docker\.io/,
  ],
  [
    'an empty folder that hides _default',
    {
      [CONFIG]: SET,
      '/etc/containerd/certs.d/docker.io/': '',
      '/etc/containerd/certs.d/_default/hosts.toml': `[host."${EDGE}"]\n`,
    },
    /hides \/etc\/containerd\/certs\.d\/_default/,
  ],
  [
    'a hosts.toml that cannot be parsed',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('["pull"]', '["pull"') },
    /hosts\.toml:\d+:\d+ is not valid TOML/,
  ],
  [
    'an unknown capability',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('"pull"', '"pull", "fetch"') },
    /the capability "fetch"/,
  ],
  [
    'a path without override_path',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('override_path = true\n', '') },
    /no override_path = true/,
  ],
  [
    'the path of another registry',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('/v2/docker.io', '/v2/quay.io') },
    /knows the registry at \/v2\/docker\.io/,
  ],
  [
    'override_path without a path',
    { [CONFIG]: SET, [HUB]: `[host."${EDGE}"]\noverride_path = true\n` },
    /would be asked at \/,/,
  ],
  [
    'the path of one registry for all',
    {
      [CONFIG]: SET,
      '/etc/containerd/certs.d/_default/hosts.toml': `[host."${EDGE}/v2/docker.io"]\noverride_path = true\n`,
    },
    /the file is for all registries/,
  ],
  [
    'another mirror',
    { [CONFIG]: SET, [HUB]: HOSTS.replaceAll(EDGE, 'https://other.test') },
    /does not name https:\/\/edge\.test/,
  ],
  [
    'no capability to pull',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('"pull"', '"resolve"') },
    /lacks the capability "pull"/,
  ],
  [
    'keys at the top without a server',
    { [CONFIG]: SET, [HUB]: 'capabilities = ["pull"]\n' },
    /count only with server/,
  ],
])('containerd does not ask the edge with %s', ([, files, reason, major = 2]) => {
  const { asked, reasons } = check(files, { major });
  expect(asked).toBe('no');
  expect(reasons.join('\n')).toMatch(reason);
});

test('a file or a folder that cannot be read is said', () => {
  expect(check({ [CONFIG]: SET }, { unreadable: { '/etc/containerd/certs.d': 'EACCES' } }).reasons).toEqual([
    '/etc/containerd/certs.d cannot be read (EACCES). Run this as root.',
  ]);
});

test('the edge that is the server is asked last, whatever Docker Hub is called', () => {
  for (const hub of ['https://registry-1.docker.io', 'https://docker.io']) {
    const text = `server = "${EDGE}/v2/docker.io"\noverride_path = true\n[host."${hub}"]\n`;
    expect(check({ [CONFIG]: SET, [HUB]: text })).toMatchObject({ asked: 'last', names: 'all' });
  }
});

test.for(['registry.internal:5000', 'registry.internal_5000_'])(
  'a registry with a port has the folder %s',
  (name) => {
    const text = `[host."${EDGE}/v2/registry.internal_5000"]\noverride_path = true\n`;
    const files = { [CONFIG]: SET, [`/etc/containerd/certs.d/${name}/hosts.toml`]: text };
    expect(check(files, { host: 'registry.internal:5000' }).asked).toBe('first');
    const wrong = { [CONFIG]: SET, '/etc/containerd/certs.d/registry.internal/hosts.toml': text };
    expect(check(wrong, { host: 'registry.internal:5000' }).asked).toBe('no');
  },
);

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
  ['no path', { [DROP_IN]: registry('location = "edge.test"\n') }, 'no', /Write edge\.test\/docker\.io/],
  [
    'both kinds of digests only',
    {
      [DROP_IN]: registry(
        'location = "edge.test/docker.io"\npull-from-mirror = "digest-only"\n',
        'mirror-by-digest-only = true\n',
      ),
    },
    'no',
    /which podman and CRI-O refuse/,
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

test.for<readonly [string, string, Verdict['asked'], RegExp]>([
  ['its mirror', `{"registry-mirrors": ["${EDGE}"]}`, 'first', /^$/],
  [
    'a trailing comma',
    `{"registry-mirrors": ["${EDGE}"],}`,
    'no',
    /is not valid JSON .* Docker does not start/,
  ],
  ['a path', `{"registry-mirrors": ["${EDGE}/v2"]}`, 'no', /has a path/],
  ['no mirror', '{}', 'no', /does not name https:\/\/edge\.test in registry-mirrors/],
])('Docker with %s', ([, text, expected, reason]) => {
  const { asked, reasons } = check({ '/etc/docker/daemon.json': text });
  expect(asked).toBe(expected);
  expect(reasons.join('\n')).toMatch(reason);
});

test('Docker asks it for Docker Hub alone, and a Docker without daemon.json is found', () => {
  const files = { '/etc/docker/daemon.json': `{"registry-mirrors": ["${EDGE}"]}` };
  expect(check(files, { host: 'quay.io' }).asked).toBe('no');
  expect(check({ '/etc/docker/': '' }).reasons.join()).toMatch(/there is no \/etc\/docker\/daemon\.json/);
});

test.for<readonly [string, string, Verdict['asked']]>([
  ['its endpoint', `mirrors: { docker.io: { endpoint: ["${EDGE}/v2/docker.io"] } }`, 'first'],
  ['every registry', `mirrors: { "*": { endpoint: ["${EDGE}"] } }`, 'first'],
  ['the path of another registry', `mirrors: { docker.io: { endpoint: ["${EDGE}/v2/quay.io"] } }`, 'no'],
  ['another registry', `mirrors: { quay.io: { endpoint: ["${EDGE}/v2/quay.io"] } }`, 'no'],
  ['text', 'a: [', 'no'],
])('k3s with %s', ([, text, expected]) => {
  expect(check({ '/etc/rancher/k3s/registries.yaml': text })).toMatchObject({
    runtime: 'k3s',
    asked: expected,
  });
});

test('a k3s without registries.yaml is found', () => {
  expect(check({ '/etc/rancher/k3s/': '' }).reasons.join()).toMatch(
    /there is no \/etc\/rancher\/k3s\/registries\.yaml/,
  );
});
