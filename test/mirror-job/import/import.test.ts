/** `lifeboat import`: another tool's file becomes a configuration that loads, and the settings that are lost are named. */
import { copyFile, link, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseTag } from '../../../core/reference.ts';
import { loadConfiguration } from '../../../mirror-job/configuration/load.ts';
import { maySelect } from '../../../mirror-job/engine/selection/selection.ts';
import { patternOf } from '../../../mirror-job/import/expression.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';

// Processes are slow on a busy machine; each wait in this file has a bound of its own.
vi.setConfig({ testTimeout: 60_000 });

const MAIN = await bundledJob();
const FILES = join(import.meta.dirname, 'files');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-import-'));
  for (const file of await readdir(FILES)) await copyFile(join(FILES, file), join(folder, file));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function lifeboat(...args: string[]): Promise<Finished> {
  return runProgram(process.execPath, [MAIN, 'import', ...args], { cwd: folder, timeout: 30_000 });
}

/** An environment with every variable that the text reads. */
function environmentOf(text: string): Record<string, string> {
  const store = { S3_ENDPOINT: 'https://s3.example.com' };
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  return { ...Object.fromEntries(names.map((name) => [name, 'x'])), ...store };
}

/** The text that is written, the messages, and the configuration that `lifeboat sync` reads. */
async function imported(file: string) {
  const output = `${file}.out`;
  const { code, stderr, stdout } = await lifeboat(file, '-o', output, '--force');
  expect(stdout).toMatch(/^(?:written .*\n)?$/);
  const text = await readFile(join(folder, output), 'utf8');
  const { images, upstreams } = await loadConfiguration(join(folder, output), environmentOf(text));
  return {
    code,
    text,
    said: `${stderr}${stdout}`.trimEnd().split('\n'),
    upstreams,
    images: images.map(({ source, repository, tags, digests }) => ({
      source: source.kind === 'registry' ? `${source.upstream}/${source.path}` : source.folder,
      repository,
      tags: tags.explicit,
      matches: ['1.0', '3', '3.20', '3.20-rc1', '1.13.1-alpine-perl'].filter((tag) =>
        maySelect({ ...tags, explicit: [] }, parseTag(tag)),
      ),
      digests,
    })),
  };
}

const ZEROS = '0'.repeat(64);

test('a configuration of regsync is imported, and each setting that is lost is named', async () => {
  const { code, text, said, images, upstreams } = await imported('regsync.yml');
  expect(said).toEqual([
    'not carried regsync.yml:11: creds[2].pass: a password is not copied into another file. Set the environment variable QUAY_IO_PASSWORD to it.',
    'not carried regsync.yml:14: creds[4]: Lifeboat cannot read the template in its user or pass. Write a variable, as in ${NAME}.',
    'not carried regsync.yml:17: creds[4].regcert: save it as a file, and name that file as the upstream’s ca.',
    'not carried regsync.yml:22: defaults.interval: a run is started from outside, by a timer or a scheduled workflow (infra/README.md).',
    'not carried regsync.yml:23: defaults.backup: no copy of a tag is kept under another name.',
    'not carried regsync.yml:43: sync[2].target: the image is served under its own tag "v0.8.0", not as "stable".',
    'not carried regsync.yml:45: sync[2].schedule: a run is started from outside, by a timer or a scheduled workflow (infra/README.md).',
    'not carried regsync.yml:46: sync[3]: a whole registry cannot be mirrored: write one entry for each repository of it.',
    'not carried regsync.yml:52: sync[4].hooks: a run starts no commands.',
    'not carried regsync.yml:57: sync[5].target: the image is served under its digest only, not under the tag "pinned".',
    'not carried regsync.yml:62: sync[7]: "/^[[:digit:]]+$/" is not a regular expression: Lone quantifier brackets. So nothing of quay.io/coreos/etcd is carried.',
    'written regsync.yml.out: 6 images; 11 not carried, listed above',
  ]);
  expect(code).toBe(1);
  expect(text).not.toContain('hunter2');
  expect(text).toContain(`
upstreams:
  docker.io:
    credentials:
      - username: \${HUB_USER}
        password: \${HUB_TOKEN}
  quay.io:
    credentials:
      - username: robot
        password: \${QUAY_IO_PASSWORD}
  mirror.internal:5000:
    insecure: true

images:
  # regsync.yml:27: sync[0], copied to registry:5000/library/busybox:latest
  - busybox:latest
  # regsync.yml:30: sync[1], copied to registry:5000/library/alpine
  - source: alpine
    tags:
      include: [latest, edge, '3', /^3\\.\\d+$/]
      exclude: [/^.*-rc\\d$/]
`);
  expect([...upstreams.keys()]).toEqual(['docker.io', 'quay.io', 'mirror.internal_5000']);
  expect(images).toEqual([
    image('docker.io/library/busybox', { tags: ['latest'] }),
    image('docker.io/library/alpine', { tags: ['latest', 'edge', '3'], matches: ['3.20'] }),
    image('ghcr.io/regclient/regctl', { tags: ['v0.8.0'] }),
    image('mirror.internal_5000/team/app', {
      matches: ['1.0', '3', '3.20', '3.20-rc1', '1.13.1-alpine-perl'],
    }),
    image('docker.io/library/nginx', { digests: [`sha256:${ZEROS}`] }),
    {
      ...image(join(folder, 'images/tool'), { tags: ['v1'] }),
      repository: 'registry_5000/tools/tool',
    },
  ]);
});

function image(source: string, rest: { tags?: string[]; matches?: string[]; digests?: string[] }) {
  return { source, repository: source, tags: [], matches: [], digests: [], ...rest };
}

test('a list of skopeo sync is imported, and each setting that is lost is named', async () => {
  const { code, text, said, images } = await imported('skopeo.yml');
  expect(said).toEqual([
    'not carried skopeo.yml:13: ["registry.example.com"].credentials.password: a password is not copied into another file. Set the environment variable REGISTRY_EXAMPLE_COM_PASSWORD to it.',
    'not carried skopeo.yml:15: ["registry.example.com"].cert-dir: name the file of root certificates in it as the upstream’s ca.',
    'not carried skopeo.yml:17: ["quay.io"].tls-verify: certificates are always verified. For plain HTTP set the upstream’s insecure: true; otherwise name the root’s file as its ca.',
    'not carried skopeo.yml:21: unqualified: "unqualified" is not a valid name: a registry\'s host contains a ".", has a port, or is "localhost"; anything else is read as a part of the path.',
    'written skopeo.yml.out: 4 images; 4 not carried, listed above',
  ]);
  expect(code).toBe(1);
  expect(text).not.toContain('this is a secret');
  const all = ['1.0', '3', '3.20', '3.20-rc1', '1.13.1-alpine-perl'];
  expect(images).toEqual([
    image('registry.example.com/busybox', { matches: all }),
    image('registry.example.com/redis', {
      tags: ['1.0', '2.5'],
      digests: ['sha256:0000000000000000000000000000000011111111111111111111111111111111'],
    }),
    image('registry.example.com/nginx', { matches: ['1.13.1-alpine-perl'] }),
    image('quay.io/coreos/etcd', { tags: ['latest'] }),
  ]);
});

test('an ImageSetConfiguration of oc-mirror, first version, is imported, and each setting that is lost is named', async () => {
  const { code, said, images } = await imported('imageset-v1.yaml');
  expect(said).toEqual([
    'not carried imageset-v1.yaml:3: archiveSize: "lifeboat export" writes one archive, of any size.',
    'not carried imageset-v1.yaml:9: mirror.platform: a release’s images are found in its payload. List them by digest, as `oc adm release info --pullspecs` prints them.',
    'not carried imageset-v1.yaml:15: mirror.operators[0]: an operator’s images are found in its catalogue. List them, as `oc-mirror list operators` and the catalogue’s relatedImages have them.',
    'not carried imageset-v1.yaml:26: mirror.blockedImages[1]: it blocks nothing, because the images that it could block are not carried.',
    'not carried imageset-v1.yaml:29: mirror.helm.repositories[0]: a chart’s images are found by rendering the chart. List them under additionalImages, or in lifeboat.yaml.',
    'not carried imageset-v1.yaml:35: mirror.helm.local[0]: a chart’s images are found by rendering the chart. List them under additionalImages, or in lifeboat.yaml.',
    'written imageset-v1.yaml.out: 2 images; 6 not carried, listed above',
  ]);
  expect(code).toBe(1);
  expect(images).toEqual([
    image('registry.redhat.io/ubi9/ubi', { tags: ['latest'] }),
    image('quay.io/coreos/etcd', { tags: ['latest'] }),
  ]);
});

test('an ImageSetConfiguration of oc-mirror, second version, is imported, and each setting that is lost is named', async () => {
  const { code, text, said, images } = await imported('imageset-v2.yaml');
  // The digest decides, and the tag is only a name for people.
  expect(text).toContain(`  - quay.io/app/tool:v1@sha256:${'1'.repeat(64)}\n`);
  expect(said).toEqual([
    'not carried imageset-v2.yaml:6: mirror.additionalImages[1].name: the image is served under its digest only, not under the tag "v1".',
    'not carried imageset-v2.yaml:8: mirror.additionalImages[2].targetRepo: an image is served under its own name and tag.',
    "not carried imageset-v2.yaml:9: mirror.additionalImages[3]: a layout needs a name to be served under. Write { source: 'oci:FOLDER', name: images.internal/app, tags: ['*'] }.",
    'written imageset-v2.yaml.out: 3 images; 3 not carried, listed above',
  ]);
  expect(code).toBe(1);
  expect(images).toEqual([
    image('registry.redhat.io/ubi9/ubi', { digests: [`sha256:${ZEROS}`] }),
    image('quay.io/app/tool', { digests: [`sha256:${'1'.repeat(64)}`] }),
    image('quay.io/app/other', { tags: ['v2'] }),
  ]);
});

test.each([
  ['regsync-selection.yml', ['semver', 'platforms', 'budget']],
  ['skopeo-selection.yml', ['semver']],
])('a setting of %s that has a key here is carried, or named as lost', async (file, keys) => {
  const { text, said, code } = await imported(file);
  for (const key of keys) {
    const isSaid = said.some((line) => line.includes(` ${key}: `));
    expect([key, new RegExp(`^ +${key}:`, 'm').test(text)]).toEqual([key, !isSaid]);
  }
  expect(code).toBe(said.length > 1 ? 1 : 0);
});

test('import ends with exit code 0 when everything is carried, and keeps an existing file without --force', async () => {
  await writeFile(join(folder, 'all.yml'), 'version: 1\nsync: [{ source: alpine:3, type: image }]\n');
  const first = await lifeboat('all.yml');
  expect([first.code, first.stdout, first.stderr]).toEqual([0, 'written lifeboat.yaml: 1 image\n', '']);
  const second = await lifeboat('all.yml');
  expect([second.code, second.stderr]).toEqual([
    2,
    'lifeboat: lifeboat.yaml: it exists already. Name another file with -o FILE, or replace it with --force.\n',
  ]);
  // The file is replaced and not written over, so that a program that has the old file open, or another name of it,
  // keeps it whole.
  await link(join(folder, 'lifeboat.yaml'), join(folder, 'kept.yaml'));
  await writeFile(join(folder, 'kept.yaml'), 'old\n');
  expect((await lifeboat('all.yml', '--force')).code).toBe(0);
  expect(await readFile(join(folder, 'kept.yaml'), 'utf8')).toBe('old\n');
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  const { stdout, stderr } = await lifeboat('all.yml', '-o', '-');
  expect(stderr).toBe('written to standard output: 1 image\n');
  expect(stdout).toBe(await readFile(join(folder, 'lifeboat.yaml'), 'utf8'));
});

test.each([
  ['absent.yml', undefined, 'absent.yml: it cannot be read (ENOENT).'],
  ['list.yml', '- a\n', 'list.yml: it is not a map of keys.'],
  [
    'broken.yml',
    'a: [hunter2\n',
    'broken.yml:2: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].',
  ],
  ['empty.yml', '', 'empty.yml: it is not a map of keys.'],
  [
    'other.yml',
    'services: { web: { image: hunter2 } }\n',
    'other.yml: this file cannot be imported. Give a regsync configuration (a list under sync), a list of skopeo sync (images below registries), or an ImageSetConfiguration of oc-mirror.',
  ],
])('import ends with exit code 2 when %s cannot be read', async (file, text, message) => {
  if (text !== undefined) await writeFile(join(folder, file), text);
  const { code, stdout, stderr } = await lifeboat(file, '-o', 'none.yaml');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).not.toContain('hunter2');
  expect(stderr).toBe(`lifeboat: ${message}\n`);
  expect(await readdir(folder)).not.toContain('none.yaml');
});

test('the first of two entries that select one tag is carried', async () => {
  const entries = ['one', 'two'].map(
    (name) => `  - { source: 'ocidir://${name}:v1', target: 'registry:5000/a:v1', type: image }\n`,
  );
  await writeFile(join(folder, 'twice.yml'), `sync:\n${entries.join('')}`);
  const { code, said, images } = await imported('twice.yml');
  expect(said).toEqual([
    'not carried twice.yml:3: sync[1]: it selects the tag "v1" of registry_5000/a, and line 2 selects the same tag from another source. Leave the tag out of one of the two, or give one of them another name.',
    'written twice.yml.out: 1 image; 1 not carried, listed above',
  ]);
  expect([code, images.map(({ source }) => source)]).toEqual([1, [join(folder, 'one')]]);
});

test.each(['none.yaml', '-', '/dev/stdout'])(
  'import to %s writes nothing when nothing can be carried',
  async (output) => {
    await writeFile(join(folder, 'none.yml'), 'sync: [{ source: registry.a.b, type: registry }]\n');
    const { code, stdout, stderr } = await lifeboat('none.yml', '-o', output);
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      'not carried none.yml:1: sync[0]: a whole registry cannot be mirrored: write one entry for each repository of it.\nNothing of none.yml can be carried, so nothing was written.\n',
    ]);
    expect(await readdir(folder)).not.toContain('none.yaml');
  },
);

test.each(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])(
  '-o %s is standard output',
  async (output) => {
    await writeFile(join(folder, 'one.yml'), 'sync: [{ source: alpine:3, type: image }]\n');
    const { code, stdout, stderr } = await lifeboat('one.yml', '-o', output);
    expect([code, stderr]).toEqual([0, 'written to standard output: 1 image\n']);
    expect(stdout).toMatch(/^# Written by "lifeboat import" from one\.yml[^]*\n {2}- alpine:3\n$/);
  },
);

test('an output without a name is refused', async () => {
  const { code, stdout, stderr } = await lifeboat('one.yml', '-o', '');
  expect([code, stdout, stderr]).toEqual([2, '', 'lifeboat: --output names no file.\n']);
});

test('only the text that is no tag is left out of a skopeo list, because that cannot select more', async () => {
  await writeFile(
    join(folder, 'items.yml'),
    `
docker.io:
  images:
    library/a:
      - "1.0"
      - "1.0@sha256:${ZEROS}"
      - "1.*"
      - "line 99"
    library/b: ["1"]
    library/c: ["line 1", "/x/"]
`,
  );
  const { said, images } = await imported('items.yml');
  const no = 'is neither a tag nor a digest, so it is left out.';
  expect(said).toEqual([
    `not carried items.yml:6: ["docker.io"].images["library/a"][1]: "1.0@sha256:${ZEROS}" ${no}`,
    `not carried items.yml:7: ["docker.io"].images["library/a"][2]: "1.*" ${no}`,
    `not carried items.yml:8: ["docker.io"].images["library/a"][3]: "line 99" ${no}`,
    `not carried items.yml:10: ["docker.io"].images["library/c"][0]: "line 1" ${no}`,
    `not carried items.yml:10: ["docker.io"].images["library/c"][1]: "/x/" ${no}`,
    'not carried items.yml:10: ["docker.io"].images["library/c"]: nothing that it names can be carried, so nothing of it is.',
    'written items.yml.out: 2 images; 6 not carried, listed above',
  ]);
  expect(images).toEqual([
    image('docker.io/library/a', { tags: ['1.0'] }),
    image('docker.io/library/b', { tags: ['1'] }),
  ]);
});

test('a text that looks like a line number is not taken for one', async () => {
  await writeFile(
    join(folder, 'lines.yml'),
    `
sync:
  - { source: alpine, target: a, tags: { allow: ["(line 3"] } }
  - { source: 'busybox:line 4', target: a, type: image }
  - { source: 'redis:line 2', target: a, type: image }
  - { source: 'nginx:1', target: a, type: image, platforms: ['line 2'] }
`,
  );
  const { said, images } = await imported('lines.yml');
  expect(said).toEqual([
    'not carried lines.yml:3: sync[0]: "/^(line 3$/" is not a regular expression: Unterminated group. So nothing of alpine is carried.',
    expect.stringMatching(/^not carried lines\.yml:4: sync\[1\]: source: "line 4"/),
    expect.stringMatching(/^not carried lines\.yml:5: sync\[2\]: source: "line 2"/),
    'not carried lines.yml:6: sync[3]: "line 2" is not a platform, such as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64. All platforms are mirrored instead of line 2.',
    'written lines.yml.out: 1 image; 4 not carried, listed above',
  ]);
  expect(images).toEqual([image('docker.io/library/nginx', { tags: ['1'] })]);
});

test.each([
  ['latest', true, 'latest'],
  ['v1\\.2', true, 'v1.2'],
  ['^v1\\.2$', true, 'v1.2'],
  ['v1.2', true, '/^v1.2$/'],
  ['v\\d+', true, '/^v\\d+$/'],
  ['v\\d+', false, '/v\\d+/'],
  ['latest', false, '/latest/'],
  ['a\\-b\\_c\\:d', true, '/^a-b_c:d$/'],
  ['[\\w\\-]+', true, '/^[\\w\\-]+$/'],
  ['(?i)v.*', true, '/^(?i:v.*)$/'],
  ['(?P<major>\\d+)', false, '/(?<major>\\d+)/'],
])('the expression %s (whole: %s) becomes %s', (expression, isWhole, pattern) => {
  expect(patternOf(expression, isWhole)).toBe(pattern);
});

test('regsync: an unknown key and skipDockerConfig: true are named, and other switches are not', async () => {
  await writeFile(
    join(folder, 'switches.yml'),
    `
version: 1
creds:
  - { registry: docker.io, reqPerSec: 5, blobMax: 1, mystery: x }
defaults: { skipDockerConfig: true, includeExternal: false, parallel: 4 }
sync:
  - { source: alpine:3.20, target: 'registry:5000/alpine:3.20', type: image, skipDockerConfig: false }
`,
  );
  expect((await imported('switches.yml')).said).toEqual([
    'not carried switches.yml:4: creds[0].mystery: Lifeboat knows no such key of regsync.',
    'not carried switches.yml:5: defaults.skipDockerConfig: docker’s logins are used where an upstream has no credentials: set credentials: [] at the upstream for none.',
    'written switches.yml.out: 1 image; 2 not carried, listed above',
  ]);
});

test('skopeo: a tag that YAML reads as a number or a boolean is carried as it is written', async () => {
  await writeFile(
    join(folder, 'numbers.yml'),
    `
docker.io:
  images:
    team/app: [3.20, 1234e56, 010, true, 20240807123456789012]
    team/again: [&tag 1.10]
    team/alias: [*tag]
  images-by-semver:
    team/node: 1.20
`,
  );
  const { images, text, code } = await imported('numbers.yml');
  expect(images.map(({ tags }) => tags)).toEqual([
    ['3.20', '1234e56', '010', 'true', '20240807123456789012'],
    ['1.10'],
    ['1.10'],
    [],
  ]);
  expect(text).toContain("semver: '1.20'");
  expect(code).toBe(0);
});

test('a list that cannot be read selects nothing, rather than all', async () => {
  await writeFile(
    join(folder, 'no-lists.yml'),
    `
docker.io:
  images:
    team/b: 1.36
    team/c: [{}]
    team/all: []
    team/none:
`,
  );
  const skopeo = await imported('no-lists.yml');
  expect(skopeo.images.map(({ source }) => source)).toEqual(['docker.io/team/all', 'docker.io/team/none']);
  expect(skopeo.said).toEqual([
    'not carried no-lists.yml:4: ["docker.io"].images["team/b"]: it is not a list of texts, so what it selects is left out.',
    'not carried no-lists.yml:5: ["docker.io"].images["team/c"]: it is not a list of texts, so what it selects is left out.',
    'written no-lists.yml.out: 2 images; 2 not carried, listed above',
  ]);
  await writeFile(
    join(folder, 'no-sets.yml'),
    `
version: 1
sync:
  - { source: alpine, target: a, tags: { allow: v1 } }
  - { source: busybox, target: a, tags: [v1] }
  - { source: debian, target: a, tags: { deny: 3 } }
  - { source: redis, target: a, platforms: linux/amd64 }
  - { source: nginx, target: a, tags: { allow: [3.20, true, 1.5] } }
`,
  );
  const regsync = await imported('no-sets.yml');
  expect(regsync.images.map(({ source, tags }) => [source, tags])).toEqual([
    ['docker.io/library/nginx', ['true']],
  ]);
  expect(regsync.text).toContain("tags: [/^3.20$/, 'true', /^1.5$/]");
  expect(regsync.said.slice(0, -1)).toEqual([
    'not carried no-sets.yml:4: sync[0].tags.allow: it is not a list of texts, so what it selects is left out.',
    'not carried no-sets.yml:5: sync[1].tags: it is not a map of keys, so what it selects is left out.',
    'not carried no-sets.yml:6: sync[2].tags.deny: it is not a list of texts, so what it selects is left out.',
    'not carried no-sets.yml:7: sync[3].platforms: it is not a list of texts, so what it selects is left out.',
    `not carried no-sets.yml:8: sync[4].tags.allow[0]: it is a number, and regsync's releases read numbers differently; it is carried as "3.20". Put it in quotes.`,
  ]);
});

test('import warns that a range which includes pre-releases selects less here', async () => {
  await writeFile(
    join(folder, 'pre.yml'),
    `docker.io:\n  images-by-semver:\n    team/app: ">=1.0.0-0, <2"\n    team/plain: ">=1.0.0 <2"\n`,
  );
  const { images, said } = await imported('pre.yml');
  expect(images).toHaveLength(2);
  expect(said.slice(0, -1)).toEqual([
    `not carried pre.yml:3: ["docker.io"].images-by-semver["team/app"]: this range includes versions with a suffix, but in lifeboat.yaml it includes only versions without one. Add suffix: ['', '-*'], or list the suffixes that you want.`,
  ]);
});

test('variables in a list of skopeo stay, and import says nothing about them', async () => {
  await writeFile(
    join(folder, 'variables.yml'),
    `
docker.io:
  images: { library/alpine: ['3.20'] }
  credentials: { username: "\${HUB_USER}", password: "\${HUB_TOKEN}" }
quay.io:
  images: { org/app: [v1] }
  credentials: { username: "robot+\${TEAM}", password: "\${QUAY}" }
ghcr.io:
  images: { org/app: [v1] }
  credentials: { username: robot, password: "pre\${PART}" }
`,
  );
  const { text, code, said, upstreams } = await imported('variables.yml');
  expect(said).toEqual([
    'not carried variables.yml:10: ["ghcr.io"].credentials.password: a password is not copied into another file. Set the environment variable GHCR_IO_PASSWORD to it.',
    'written variables.yml.out: 3 images; 1 not carried, listed above',
  ]);
  expect([...upstreams].map(([host, { credentials }]) => [host, credentials])).toEqual([
    ['docker.io', [{ username: 'x', password: 'x' }]],
    ['quay.io', [{ username: 'robot+x', password: 'x' }]],
    ['ghcr.io', [{ username: 'robot', password: 'x' }]],
  ]);
  expect(text).toContain('username: ${HUB_USER}\n        password: ${HUB_TOKEN}\n');
  expect(text).toContain('username: robot+${TEAM}\n        password: ${QUAY}\n');
  expect(code).toBe(1);
});

test('two hosts that look alike have a variable each for their passwords', async () => {
  const settings = '{ images: { app: [v1] }, credentials: { username: u, password: p } }';
  await writeFile(join(folder, 'alike.yml'), `my-reg.io: ${settings}\nmy.reg.io: ${settings}\n`);
  const { text } = await imported('alike.yml');
  expect(text).toContain('password: ${MY_REG_IO_PASSWORD}');
  expect(text).toContain('password: ${MY_REG_IO_2_PASSWORD}');
});
