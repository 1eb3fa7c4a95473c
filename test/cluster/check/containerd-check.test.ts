/** The check of containerd. Real daemons confirm its traps in test/e2e/client-files.clients.test.ts. */
import { expect, test } from 'vitest';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { check, EDGE } from './node.ts';

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
  [
    'an empty list of capabilities, which is all of them',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('["pull"]', '[]') },
  ],
  ['a capability in capitals', { [CONFIG]: SET, [HUB]: HOSTS.replace('["pull"]', '["Pull"]') }],
  [
    'its address in plain HTTP before the right one',
    { [CONFIG]: SET, [HUB]: `[host."http://edge.test"]\n[host."${EDGE}"]\n` },
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
    'its address in plain HTTP',
    { [CONFIG]: SET, [HUB]: HOSTS.replace('https://edge', 'http://edge') },
    /http:\/\/edge\.test\/v2\/docker\.io: the edge would be asked in plain HTTP, and is https:\/\/edge\.test\./,
  ],
  [
    'config_path in the table of a newer version',
    { [CONFIG]: SET.replace('version = 3', 'version = 2'), [HUB]: HOSTS },
    /config\.toml sets config_path in \[plugins\."io\.containerd\.cri\.v1\.images"\.registry\], .* version 2\. Set it in \[plugins\."io\.containerd\.grpc\.v1\.cri"\.registry\]\.$/,
    1,
  ],
  [
    'config_path in the table of an older version',
    { [CONFIG]: SET_1.replace('version = 2', 'version = 3'), [HUB]: HOSTS },
    /in a file of version 3\. Set it in \[plugins\."io\.containerd\.cri\.v1\.images"\.registry\]\.$/,
  ],
  [
    'a version that no containerd has yet',
    { [CONFIG]: SET.replace('version = 3', 'version = 5'), [HUB]: HOSTS },
    /config\.toml has version = 5, and this check knows 1, 2, 3, 4\./,
  ],
  [
    'no config_path, with the command that shows the lines of containerd 1',
    { [CONFIG]: 'version = 2\n', [HUB]: HOSTS },
    /"lifeboat clients containerd-1 --edge https:\/\/edge\.test --upstream docker\.io" shows the lines\./,
    1,
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

const IMPORTED = { [CONFIG]: 'version = 3\nimports = ["/opt/a.toml", "/srv/conf.d/*.toml"]\n', [HUB]: HOSTS };

test.for<readonly [string, Readonly<Record<string, string>>]>([
  ['/etc/containerd', {}],
  [CONFIG, { [HUB]: HOSTS }],
  ['/etc/containerd/certs.d', { [CONFIG]: SET }],
  ['/etc/containerd/certs.d/docker.io', { [CONFIG]: SET, '/etc/containerd/certs.d/_default/hosts.toml': '' }],
  [HUB, { [CONFIG]: SET }],
  ['/opt/a.toml', IMPORTED],
  ['/opt', IMPORTED],
  ['/srv/conf.d/b.toml', { ...IMPORTED, '/opt/a.toml': SET }],
  ['/srv/conf.d', { ...IMPORTED, '/opt/a.toml': SET }],
  ['/srv/certs.d', { [CONFIG]: SET.replace('/etc/containerd/', '/srv/') }],
])('%s that cannot be read never counts as absent', ([path, files]) => {
  const { asked, reasons } = check(files, { unreadable: { [path]: 'EACCES' } });
  expect([asked, reasons]).toEqual(['no', [`${path} cannot be read (EACCES). Run this as root.`]]);
});

test.for([
  ['EPERM', 'cannot be read (EPERM). Run this as root.'],
  ['EFBIG', 'has more than 4 MiB, so it was not read.'],
  ['EILSEQ', 'is not UTF-8.'],
  ['EFTYPE', 'is no regular file, so it was not read.'],
  ['ELOOP', 'is a symbolic link that leads in a circle.'],
  ['E2BIG', 'was not read, because the files name too many others.'],
  ['EIO', 'cannot be read (EIO). Mend that, and run this again.'],
] as const)('the sentence for %s', ([code, sentence]) => {
  const { reasons } = check({ [CONFIG]: SET }, { unreadable: { [HUB]: code } });
  expect(reasons.join()).toContain(`${HUB} ${sentence}`);
});

test('a folder of which only a part is known hides nothing', () => {
  const files = { [CONFIG]: SET, '/etc/containerd/certs.d/_default/hosts.toml': `[host."${EDGE}"]\n` };
  expect(check(files, { unreadable: { '/etc/containerd/certs.d': 'E2BIG' } }).asked).toBe('no');
});

test('a folder in the place of a file is said', () => {
  const files = { [CONFIG]: SET, [`${HUB}/`]: '' };
  expect(check(files).reasons).toEqual([`${HUB} is a folder. Put a file in its place.`]);
});

test('a folder that could not be listed does not matter for a file in it that could be read', () => {
  expect(check({ [CONFIG]: SET, [HUB]: HOSTS }, { unreadable: { '/etc/containerd': 'EACCES' } }).asked).toBe(
    'first',
  );
});

test.for<readonly [string, string, string, Verdict['asked']]>([
  ['a slash at its end', '"/srv/certs.d/"', '/srv/certs.d', 'first'],
  ['a dot and a double slash', '"/srv/./a//../certs.d"', '/srv/certs.d', 'first'],
  ['another folder', '"/srv/certs.d"', '/srv/other.d', 'no'],
])('a config_path with %s', ([, path, folder, expected]) => {
  const config = SET.replace('"/etc/containerd/certs.d"', path);
  expect(check({ [CONFIG]: config, [`${folder}/docker.io/hosts.toml`]: HOSTS }).asked).toBe(expected);
});

test.for<readonly [string, string, string, Verdict['asked']]>([
  ['a file elsewhere', '/opt/a.toml', '/opt/a.toml', 'first'],
  ['files by a pattern', '/opt/c*d/a-?.*', '/opt/conf.d/a-1.toml', 'first'],
  ['files of a relative folder', '../c.d/*.toml', '/etc/c.d/a.toml', 'first'],
  ['a pattern of which a star has to grow', '/opt/*a*b.toml', '/opt/abaab.b.toml', 'first'],
  ['a pattern that ends in stars', '/opt/a**', '/opt/a.toml', 'first'],
  ['a pattern that is longer than the name', '/opt/a*b', '/opt/a', 'no'],
  ['a pattern whose question mark is no slash', '/*?a.toml', '/opt/a.toml', 'no'],
  ['a pattern that matches nothing', '/opt/b*.toml', '/opt/a.toml', 'no'],
  ['a pattern, whose point is a point', '/opt/*.toml', '/opt/atoml', 'no'],
  ['a pattern, which does not go into folders', '/opt/*.toml', '/opt/c/a.toml', 'no'],
])('imports with %s', ([, pattern, path, expected]) => {
  const config = `version = 3\nimports = ["${pattern}"]\n`;
  expect(check({ [CONFIG]: config, [path]: SET, [HUB]: HOSTS }).asked).toBe(expected);
});

test('an import of a file that does not exist keeps containerd from starting', () => {
  expect(check({ [CONFIG]: `imports = ["/opt/a.toml"]\n${SET}`, [HUB]: HOSTS }).reasons).toEqual([
    `${CONFIG} imports /opt/a.toml, which does not exist. containerd does not start with such a file. Make it, or leave the import out.`,
  ]);
});

test('an import of an import counts after the imports beside its own, and a circle ends', () => {
  const other = SET.replace('/etc/containerd', '/srv');
  const files = {
    [CONFIG]: 'version = 3\nimports = ["/opt/a.toml", "/opt/b.toml"]\n',
    '/opt/a.toml': `imports = ["/opt/c.toml", "${CONFIG}"]\nversion = 3\n`,
    '/opt/b.toml': other,
    '/opt/c.toml': SET,
    [HUB]: HOSTS,
  };
  expect(check(files).asked).toBe('first');
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

test.for(['docker.io', '_default'])('of several folders, the first with %s decides', (name) => {
  const config = SET.replace('certs.d"', 'certs.d:/srv/certs.d"');
  const other = `[host."https://other.test"]\n`;
  const files = {
    [CONFIG]: `${config}[plugins."io.containerd.cri.v1.images"]\nuse_local_image_pull = true\n`,
    [`/etc/containerd/certs.d/${name}/hosts.toml`]: other,
    '/srv/certs.d/docker.io/hosts.toml': HOSTS,
  };
  expect(check(files)).toMatchObject({
    asked: 'no',
    reasons: [expect.stringContaining(`/etc/containerd/certs.d/${name}/hosts.toml does not name ${EDGE}.`)],
  });
});

test('of several folders, an unreadable first one decides', () => {
  const config = SET.replace('certs.d"', 'certs.d:/srv/certs.d"');
  const files = {
    [CONFIG]: `${config}[plugins."io.containerd.cri.v1.images"]\nuse_local_image_pull = true\n`,
    '/srv/certs.d/docker.io/hosts.toml': HOSTS,
  };
  const unreadable = { '/etc/containerd/certs.d': 'EACCES' };
  expect(check(files, { unreadable }).reasons).toEqual([
    '/etc/containerd/certs.d cannot be read (EACCES). Run this as root.',
  ]);
});

test('a pattern with many stars is matched at once', () => {
  const config = `version = 3\nimports = ["/opt/${'*a'.repeat(25)}b"]\n`;
  const started = performance.now();
  expect(check({ [CONFIG]: config, [`/opt/${'a'.repeat(60)}`]: SET, [HUB]: HOSTS }).asked).toBe('no');
  expect(performance.now() - started).toBeLessThan(2000);
});
