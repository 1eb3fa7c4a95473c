/** `lifeboat clients --merge`: the files that it reads, whose edge comes first, and what it refuses. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { parse as parseToml } from 'smol-toml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { createIo, runMain, type Ended } from '../../support/io.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-merge-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function clients(...args: readonly string[]): Promise<Ended> {
  return runMain(['clients', ...args], createIo({ cwd: folder, env: {} }));
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** An ImageDigestMirrorSet, or an ImageTagMirrorSet, with one rule. */
function setOf(name: string, mirrors: string, rest = '', kind: 'Digest' | 'Tag' = 'Digest'): string {
  return `apiVersion: config.openshift.io/v1
kind: Image${kind}MirrorSet
metadata: { name: ${name} }
spec:
  image${kind}Mirrors:
    - { source: quay.io, mirrors: [${mirrors}]${rest} }
`;
}

const POLICY = `apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: { name: old }
spec:
  repositoryDigestMirrors:
    - { source: quay.io, mirrors: [c.example.com, d.example.com] }
`;

/** The configuration of a team, whose secrets are not set here. */
const TEAM = `name: team-b
store: { bucket: b, region: r, accessKeyId: '\${KEY_ID}', secretAccessKey: '\${KEY}' }
upstreams: { registry.internal:5000: { insecure: true } }
edge: { url: http://team-b.example.com:8080 }
images: [quay.io/a/b:1, registry.internal:5000/app:2]
`;

const OWN = ['--edge', 'https://edge.example.com', '--upstream', 'quay.io'] as const;

const registriesConf = z.object({
  registry: z.array(z.object({ prefix: z.string(), mirror: z.array(z.object({ location: z.string() })) })),
});

/** The mirrors of each source in a registries.conf, in their order. */
function mirrorsIn(conf: string): Record<string, readonly string[]> {
  const { registry } = registriesConf.parse(parseToml(conf));
  return Object.fromEntries(
    registry.map(({ prefix, mirror }) => [prefix, mirror.map(({ location }) => location)]),
  );
}

test('sets of several documents and several files become one order, which keeps the order of each', async () => {
  await put('cluster.yaml', `${setOf('z', 'a.example.com, b.example.com')}---\n${POLICY}`);
  await put('team.yaml', setOf('a', 'b.example.com, c.example.com'));
  const { code, stdout, stderr } = await clients('cri-o', '--merge', 'cluster.yaml', '--merge', 'team.yaml');
  expect(mirrorsIn(stdout)).toEqual({
    'quay.io': ['a.example.com', 'b.example.com', 'c.example.com', 'd.example.com'],
  });
  expect([code, stderr]).toEqual([0, 'CRI-O:\n  - systemctl reload crio\n']);
  const podman = await clients('podman', '--merge', 'team.yaml', '--merge', 'cluster.yaml');
  expect(podman.stdout).toBe(stdout);
});

test('a list of objects is read from standard input, and the merged objects are printed for OpenShift', async () => {
  const items = [setOf('one', 'a.example.com'), setOf('two', 'b.example.com', '', 'Tag')]
    .map((text) => `  - ${text.trimEnd().replaceAll('\n', '\n    ')}\n`)
    .join('');
  const io = createIo({
    cwd: folder,
    env: {},
    stdin: () => Readable.from([`apiVersion: v1\nkind: List\n`, Buffer.from(`items:\n${items}`)]),
  });
  const { code, stdout, stderr } = await runMain(['clients', 'openshift', '--merge', '-'], io);
  expect(code).toBe(0);
  const rule = { source: 'quay.io', mirrorSourcePolicy: 'AllowContactingSource' };
  expect(parseAllDocuments(stdout).map((document) => document.toJS())).toMatchObject([
    {
      kind: 'ImageDigestMirrorSet',
      metadata: { name: 'lifeboat' },
      spec: { imageDigestMirrors: [{ ...rule, mirrors: ['a.example.com'] }] },
    },
    {
      kind: 'ImageTagMirrorSet',
      metadata: { name: 'lifeboat' },
      spec: { imageTagMirrors: [{ ...rule, mirrors: ['b.example.com'] }] },
    },
  ]);
  expect(stderr).toMatch(
    / {2}- oc apply -f lifeboat-mirrors\.yaml\n.*\n {2}- .*delete those that were merged/,
  );
});

test("another team's lifeboat.yaml is a set of its edge and its registries, also without its secrets", async () => {
  await put('team-b/lifeboat.yaml', TEAM);
  await put('cluster.yaml', setOf('release', 'a.example.com'));
  const merge = ['--merge', 'cluster.yaml', '--merge', 'team-b/lifeboat.yaml'] as const;
  const { code, stdout } = await clients('podman', ...merge);
  expect(code).toBe(0);
  expect(parseToml(stdout)).toEqual({
    registry: [
      {
        prefix: 'quay.io',
        location: 'quay.io',
        mirror: [
          { location: 'a.example.com', 'pull-from-mirror': 'digest-only' },
          {
            location: 'team-b.example.com:8080/quay.io',
            insecure: true,
            'pull-from-mirror': 'digest-only',
          },
        ],
      },
      {
        prefix: 'registry.internal:5000',
        location: 'registry.internal:5000',
        insecure: true,
        mirror: [
          {
            location: 'team-b.example.com:8080/registry.internal_5000',
            insecure: true,
            'pull-from-mirror': 'digest-only',
          },
        ],
      },
    ],
  });
  const upstreamFirst = await clients('openshift', ...merge, '--order', 'upstream-first', '--tags');
  expect(upstreamFirst.stdout).toContain('- quay.io\n        - team-b.example.com:8080/quay.io\n');
  expect(upstreamFirst.stdout).toContain('kind: ImageTagMirrorSet');
  expect(upstreamFirst.stderr).toContain(
    'does not reach team-b.example.com:8080 and registry.internal:5000. Add them to spec.registrySources.insecureRegistries',
  );
});

test('an edge that needs a token has the sentence for it, and its token is not read', async () => {
  await put('team.yaml', TEAM.replace('8080 }', '8080, tokenFile: none }'));
  const { code, stderr } = await clients('cri-o', '--merge', 'team.yaml');
  expect(code).toBe(0);
  expect(stderr).toContain(
    'CRI-O does not send the token, so the edge refuses it, because a drop-in has no header.',
  );
});

test('the own edge is asked before all others, by --edge or by a file that is named', async () => {
  await put('cluster.yaml', setOf('a', 'a.example.com, edge.example.com/quay.io'));
  await put('lifeboat.yaml', TEAM.replaceAll(/'\$[^']*'/g, 'x'.repeat(40)));
  const first = await clients('cri-o', '--merge', 'cluster.yaml', ...OWN);
  expect(mirrorsIn(first.stdout)['quay.io']).toEqual(['edge.example.com/quay.io', 'a.example.com']);
  expect(first.stderr).toContain(
    'quay.io: ImageDigestMirrorSet "a" (cluster.yaml:6) has a.example.com before edge.example.com/quay.io, but',
  );
  const upstreamFirst = await clients(
    'cri-o',
    '--merge',
    'cluster.yaml',
    ...OWN,
    '--order',
    'upstream-first',
  );
  expect(mirrorsIn(upstreamFirst.stdout)['quay.io']).toEqual([
    'quay.io',
    'edge.example.com/quay.io',
    'a.example.com',
  ]);
  const named = await clients('cri-o', '--merge', 'cluster.yaml', '-c', 'lifeboat.yaml');
  expect(mirrorsIn(named.stdout)['quay.io']?.[0]).toBe('team-b.example.com:8080/quay.io');
  // A file that only lies there does not count.
  const alone = await clients('cri-o', '--merge', 'cluster.yaml');
  expect(alone.stdout).not.toContain('team-b');
});

test('rules for a part of a registry hide the edge there, and a sentence says so', async () => {
  await put('cluster.yaml', setOf('a', 'a.example.com').replace('quay.io', 'quay.io/team'));
  const { stderr } = await clients('openshift', '--merge', 'cluster.yaml', ...OWN);
  expect(stderr).toContain(
    'quay.io/team: its own rules alone count there, so edge.example.com is not asked for it',
  );
  await put('cluster.yaml', setOf('a', 'edge.example.com/x').replace('quay.io', 'quay.io/team'));
  expect((await clients('openshift', '--merge', 'cluster.yaml', ...OWN)).stderr).not.toContain(
    'not asked for it',
  );
});

test('--out writes the file, and --remove removes it', async () => {
  await put('cluster.yaml', setOf('a', 'a.example.com'));
  const args = ['cri-o', 'podman', '--merge', 'cluster.yaml', '--out', 'node'] as const;
  const path = 'etc/containers/registries.conf.d/50-lifeboat.conf';
  expect((await clients(...args)).stdout).toBe(`wrote      ${path}\n`);
  expect(mirrorsIn(await readFile(join(folder, 'node', path), 'utf8'))).toEqual({
    'quay.io': ['a.example.com'],
  });
  expect((await clients(...args, '--remove')).stdout).toBe(`removed  ${path}\n`);
});

test('sets without a mirror make no file, and the exit code says so', async () => {
  await put('cluster.yaml', setOf('a', 'quay.io'));
  const { code, stdout, stderr } = await clients('openshift', '--merge', 'cluster.yaml');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toBe(
    'OpenShift from 4.13 on:\n  ! No set has a mirror other than its source, so there is nothing to write.\n',
  );
});

test('sets with different policies are refused by name, with a way out for an edge', async () => {
  await put('cluster.yaml', setOf('air-gap', 'a.example.com', ', mirrorSourcePolicy: NeverContactSource'));
  await put('team.yaml', TEAM);
  const { code, stdout, stderr } = await clients(
    'cri-o',
    '--merge',
    'cluster.yaml',
    '--merge',
    'team.yaml',
    ...OWN,
  );
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.split('\n')).toEqual([
    'lifeboat: the mirror sets contradict each other.',
    expect.stringMatching(
      /^quay\.io: ImageDigestMirrorSet "air-gap" \(cluster\.yaml:6\) says NeverContactSource, and mirror set "--edge" and mirror set "team-b" \(team\.yaml\) say AllowContactingSource/,
    ),
    expect.stringMatching(/^An edge allows its sources to be asked\. .* merge FILE in its place\.$/),
    '',
  ]);
});

test('the problems of all files are told at once, with file, line, document and key', async () => {
  await put('cluster.yaml', `${setOf('a', 'a.example.com')}---\n${setOf('b', 'https://b.example.com')}`);
  await put('team.yaml', TEAM.replace('images:', 'image:'));
  await put('bare.yaml', TEAM.replace(/^edge.*\n/m, ''));
  await put('idle.yaml', TEAM.replace(/^images.*\n/m, ''));
  await put('six.yaml', TEAM.replace('http://team-b.example.com:8080', "'http://[::1]:8080'"));
  await put('vague.yaml', TEAM.replace('http://team-b.example.com:8080', "'${EDGE}'"));
  const files = ['cluster.yaml', 'team.yaml', 'bare.yaml', 'idle.yaml', 'six.yaml', 'vague.yaml'];
  const { code, stderr } = await clients('cri-o', ...files.flatMap((file) => ['--merge', file]));
  expect(code).toBe(2);
  expect(stderr.split('\n')).toEqual([
    'lifeboat: the files of --merge cannot be used.',
    'cluster.yaml:13: document 2: spec.imageDigestMirrors[0].mirrors[0]: leave out "https://": write "b.example.com".',
    expect.stringMatching(/^team\.yaml:5: image: /),
    'bare.yaml: edge: it is missing, so nobody knows which mirror this is. Write edge: { url: https://… }.',
    'idle.yaml: images: there is none, so no registry has this mirror. Leave the file out, or list one.',
    expect.stringMatching(/^six\.yaml: edge\.url: "\[::1\]:8080" is not the name of a host\./),
    expect.stringMatching(/^vague\.yaml:4: edge\.url: .*EDGE/),
    '',
  ]);
});

test.each<readonly [string, readonly string[], RegExp]>([
  [
    'a runtime that cannot',
    ['cri-o', 'k3s', 'openshift-4.12', '--merge', 'a.yaml'],
    /--merge makes registries\.conf for cri-o and podman, and mirror sets for openshift: leave k3s, openshift-4\.12 out\./,
  ],
  ['no such file', ['cri-o', '--merge', 'none.yaml'], /--merge none\.yaml: there is no such file\. "oc get/],
  ['a file that is not text', ['cri-o', '--merge', 'bytes'], /--merge bytes: it is not UTF-8 text/],
  ['a file that is not YAML', ['cri-o', '--merge', 'broken'], /\nbroken:1: /],
  ['an empty standard input', ['cri-o', '--merge', '-'], /\nstandard input: the file is empty/],
  ['standard input twice', ['cri-o', '--merge', '-', '--merge', '-'], /standard input can be read once/],
  [
    '--tags without an edge',
    ['cri-o', '--merge', 'a.yaml', '--tags'],
    /--tags would have no effect, because no edge/,
  ],
  [
    '--upstream and --peer without an edge',
    ['cri-o', '--merge', 'a.yaml', '--upstream', 'quay.io', '--peer', 'http://127.0.0.1:1'],
    /--upstream, --peer would have no effect/,
  ],
  ['another order', ['cri-o', '--merge', 'a.yaml', '--order', 'x'], /--order "x": it is mirror-first or/],
  [
    'every registry',
    ['cri-o', '--merge', 'a.yaml', '--edge', 'https://e.example', '--upstream', '*'],
    /--merge needs the names of registries/,
  ],
  [
    'an edge that no image can name',
    ['cri-o', '--merge', 'a.yaml', '--edge', 'https://[::1]', '--upstream', 'quay.io'],
    /--edge: "\[::1\]" is not the name of a host/,
  ],
  ['--check', ['--check', '--merge', 'a.yaml'], /--check reads files that are there: leave --merge out/],
])('%s is refused with a sentence', async (_, args, sentence) => {
  await put('a.yaml', setOf('a', 'a.example.com'));
  await put('broken', '{');
  await writeFile(join(folder, 'bytes'), Buffer.from([0xff, 0xfe, 0]));
  const { code, stdout, stderr } = await clients(...args);
  expect(stderr).toMatch(sentence);
  expect([code, stdout]).toEqual([2, '']);
});
