/** `lifeboat images`, through the command line: its inputs, its outputs, what it refuses, and what it publishes. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { startLocalStore, type Store } from '../../support/local-store.ts';
import { createIo, runMain } from '../support/io.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-images-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  await mkdir(join(folder, name, '..'), { recursive: true });
  await writeFile(join(folder, name), text);
  return name;
}

function images(args: readonly string[], stdin: readonly (string | Uint8Array)[] = []) {
  return runMain(['images', ...args], createIo({ cwd: folder, stdin: () => Readable.from(stdin) }));
}

function deployment(name: string, ...names: readonly string[]): object {
  const containers = names.map((image, index) => ({ name: `c${index}`, image }));
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: { template: { spec: { containers } } },
  };
}

test('the table aligns, and says what uses an image and why', async () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop' },
    spec: { containers: [{ name: 'c0', image: 'nginx:1.27', args: ['--x=quay.io/a/b:v1'] }] },
    status: {
      containerStatuses: [{ name: 'c0', imageID: `docker.io/library/nginx@sha256:${'a'.repeat(64)}` }],
    },
  };
  const list = { apiVersion: 'v1', kind: 'List', items: [deployment('web', 'nginx:1.27'), pod] };
  const { code, stdout, stderr } = await images(['-'], [JSON.stringify(list)]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toEqual([
    'image                         runs          why              used by',
    'docker.io/library/nginx:1.27  aaaaaaaaaaaa  asked for, runs  Deployment shop/web c0, and 1 more',
    'quay.io/a/b:v1                              found in text    Pod shop/web-1 c0',
    '',
    '2 images.',
    '',
  ]);
});

function runningPod(name: string, image: string, imageID: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image }] },
    status: { containerStatuses: [{ name: 'c', imageID }] },
  };
}

test('--yaml has tags and what runs, in a form that lifeboat check takes', async () => {
  const [one, two] = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`);
  const items = [
    // The tag has moved between the starts of these two.
    runningPod('old', 'nginx:1.27', `docker.io/library/nginx@${one}`),
    runningPod('new', 'nginx:1.27', `docker.io/library/nginx@${two}`),
    deployment('web', 'nginx:1.28', 'registry.internal:5000/x/y', `quay.io/a/b:v1@${one}`),
    runningPod('loaded', 'a.test/loaded:1', `docker.io/library/import-2026-01-02@${one}`),
  ];
  const { stdout } = await images(
    ['-', '--yaml'],
    [JSON.stringify({ kind: 'List', apiVersion: 'v1', items })],
  );
  expect(parse(stdout)).toEqual({
    images: [
      { source: 'a.test/loaded', tags: ['1'] },
      { source: 'docker.io/library/nginx', tags: ['1.27', '1.28'], digests: [one, two] },
      { source: 'quay.io/a/b', digests: [one] },
      { source: 'registry.internal:5000/x/y', tags: ['latest'] },
    ],
  });
  await write('written.yaml', `store: { bucket: b, region: r }\n${stdout}`);
  const checked = await runMain(['check', '-c', 'written.yaml'], createIo({ cwd: folder }));
  expect([checked.code, checked.stderr]).toEqual([0, '']);
});

test('a folder is searched, what is nothing there is left out, and links are not followed', async () => {
  await write('tree/Dockerfile', 'FROM alpine:3.20\n');
  await write('tree/deploy/app.yaml', stringify(deployment('a', 'a.test/x:1')));
  await write('tree/README.md', '# quay.io/not/this:1\n');
  await write('tree/node_modules/x/Dockerfile', 'FROM not:this\n');
  await write('outside/Dockerfile', 'FROM not:this\n');
  await symlink(join(folder, 'outside'), join(folder, 'tree/link'));
  const { code, stdout } = await images(['tree', '--yaml']);
  expect([code, parse(stdout)]).toEqual([
    0,
    {
      images: [
        { source: 'a.test/x', tags: ['1'] },
        { source: 'docker.io/library/alpine', tags: ['3.20'] },
      ],
    },
  ]);
});

test('a file of a folder that is too large is a warning, and the others are read', async () => {
  await write('large/a.yaml', stringify(deployment('a', 'a.test/x:1')));
  await write(
    'large/b.yaml',
    `${stringify(deployment('b', 'b.test/x:1'))}#${'x'.repeat(65 * 1024 * 1024)}\n`,
  );
  const { code, stdout, stderr } = await images(['large', '--csv']);
  expect(code).toBe(1);
  expect(stdout).toContain('a.test/x:1,');
  expect(stderr).toContain('warning: large/b.yaml: it has more than 64 MiB. Read Kubernetes objects as JSON');
});

test('what cannot be read is a warning with its place, the rest is listed, and the exit code is 1', async () => {
  const file = await write(
    'some.yaml',
    `${stringify(deployment('a', 'a.test/x:1', '{{ .Values.image }}'))}---
a: [
`,
  );
  const { code, stdout, stderr } = await images([file, '--json']);
  expect(code).toBe(1);
  const printed: { readonly images: readonly object[]; readonly problems: readonly object[] } =
    JSON.parse(stdout);
  expect(printed.images).toMatchObject([{ reference: 'a.test/x:1' }]);
  expect(printed.problems).toHaveLength(2);
  expect(stderr).toMatch(
    /warning: some\.yaml:1: Deployment shop\/a: container "c1": .* template that was not rendered/,
  );
  expect(stderr).toMatch(/warning: some\.yaml:1\d/);
});

test('texts of a file move no cursor', async () => {
  const { stdout, stderr } = await images(
    ['-'],
    [JSON.stringify(deployment('a\u001B[2J', 'a.test/x:1', 'b\u001B[2J'))],
  );
  expect(stdout + stderr).not.toContain('\u001B');
});

test('the image of pods’ sandboxes is found in the files of a node', async () => {
  await write(
    'node/var/lib/kubelet/kubeadm-flags.env',
    'KUBELET_KUBEADM_ARGS="--pod-infra-container-image=registry.k8s.io/pause:3.9"\n',
  );
  await write(
    'node/etc/containerd/config.toml',
    "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'registry.k8s.io/pause:3.10'\n",
  );
  await write(
    'node/etc/crio/crio.conf.d/10-pause',
    '[crio.image]\npause_image = "registry.k8s.io/pause:3.8"\n',
  );
  await write('node/etc/other.toml', 'a = 1\n');
  const { code, stdout } = await images(['node', '--yaml']);
  expect([code, parse(stdout)]).toEqual([
    0,
    { images: [{ source: 'registry.k8s.io/pause', tags: ['3.10', '3.8', '3.9'] }] },
  ]);
});

test('build arguments are given by --arg', async () => {
  const file = await write('Dockerfile', 'ARG VERSION\nFROM alpine:${VERSION}\n');
  expect(await images([file])).toMatchObject({ code: 1, stderr: expect.stringContaining('VERSION') });
  const { code, stdout } = await images([file, '--arg', 'VERSION=3.20', '--csv']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('docker.io/library/alpine:3.20,')]);
});

test('images that only texts name are not in lists, unless --with-text asks for them', async () => {
  const object = deployment('a', 'a.test/x:1');
  const text = JSON.stringify(object).replace('"image"', '"args":["--y=quay.io/a/y:v2"],"image"');
  const without = await images(['-', '--format', 'skopeo'], [text]);
  expect(parse(without.stdout)).toEqual({ 'a.test': { images: { x: ['1'] } } });
  expect(without.stderr).toContain('1 image that only a text names is left out: --with-text adds it.');
  const both = await images(['-', '--format', 'skopeo', '--with-text'], [text]);
  expect(parse(both.stdout)).toEqual({
    'a.test': { images: { x: ['1'] } },
    'quay.io': { images: { 'a/y': ['v2'] } },
  });
});

function node(name: string, architecture: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { nodeInfo: { operatingSystem: 'linux', architecture } },
  };
}

/** A pod that runs on a node. */
function podOn(nodeName: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `on-${nodeName}` },
    spec: { nodeName, containers: [{ name: 'c', image: 'a.test/x:1' }] },
    status: { containerStatuses: [{ name: 'c', imageID: `a.test/x@sha256:${'a'.repeat(64)}` }] },
  };
}

test('nodes tell the platforms of the pods that come after them, also in another file', async () => {
  const nodes = await write('nodes.yaml', stringify(node('one', 'arm64')));
  const list = { apiVersion: 'v1', kind: 'List', items: [node('two', 'amd64'), podOn('one'), podOn('two')] };
  const { stdout } = await images([nodes, '-', '--json'], [JSON.stringify(list)]);
  expect(JSON.parse(stdout).images).toMatchObject([
    { platforms: ['linux/amd64', 'linux/arm64'], useCount: 2 },
  ]);
});

test('a dump without images is no failure', async () => {
  const { code, stdout, stderr } = await images(['-'], ['{"apiVersion":"v1","kind":"List","items":[]}']);
  expect([code, stdout, stderr]).toEqual([0, '', 'No image is named there.\n']);
});

test('what PowerShell writes is refused with a way out, and with the mark of UTF-8 it is read', async () => {
  const text = JSON.stringify(deployment('a', 'a.test/x:1'));
  const utf16 = await images(['-'], [Buffer.from(`\uFEFF${text}`, 'utf16le')]);
  expect([utf16.code, utf16.stdout]).toEqual([2, '']);
  expect(utf16.stderr).toContain('-: it is UTF-16, which PowerShell\'s ">" writes. Write it as UTF-8');
  expect(await images(['-', '--csv'], [`\uFEFF${text}`])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('a.test/x:1'),
  });
});

test('a node that has stored no image is no failure', async () => {
  const { code, stderr } = await images(['-'], ['{\n  "images": [\n  ]\n}\n']);
  expect([code, stderr]).toEqual([0, 'No image is named there.\n']);
});

test.for([
  [[], 'name a file, or a cluster with --cluster.'],
  [['nope.yaml'], 'nope.yaml: there is no such file.'],
  [['-', '--json', '--csv'], '--json, --csv, --yaml and --format: choose one of them.'],
  [['-', '--format', 'skopo'], 'there is no format "skopo". Did you mean "skopeo"?'],
  [['-', '--publish'], '--publish needs --cluster NAME'],
  [['--cluster', 'A/b'], '--cluster "A/b": a name has lower-case letters'],
  [['-', '--cluster', 'a', '--context', 'b'], '--kubeconfig and --context are for a cluster that is read'],
  [['-', '--arg', 'X'], '--arg "X": write NAME=VALUE.'],
  [['words.bin'], 'words.bin: this is nothing that names images'],
  [['-'], '-: it is empty.'],
] as const)('%j is refused', async ([args, sentence]) => {
  await write('words.bin', 'Lorem ipsum dolor sit amet\n');
  const { code, stdout, stderr } = await images(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
});

/** A list of a hundred thousand pods, as kubectl prints it. */
function* pods(): Generator<string> {
  yield '{"apiVersion":"v1","kind":"List","items":[';
  for (let index = 0; index < 100_000; index += 1) {
    yield `${index === 0 ? '' : ','}{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p${index}","namespace":"n"},"spec":{"containers":[{"name":"c","image":"a.test/x:${index % 3}"}]}}`;
  }
  yield ']}';
}

test('a hundred thousand pods are read item by item, whatever the chunks are', async () => {
  const { code, stdout } = await runMain(
    ['images', '-', '--json'],
    createIo({ cwd: folder, stdin: () => Readable.from(pods()) }),
  );
  expect(code).toBe(0);
  const printed: {
    readonly images: readonly { readonly useCount: number; readonly uses: readonly object[] }[];
  } = JSON.parse(stdout);
  expect(printed.images.map(({ useCount, uses }) => [useCount, uses.length])).toEqual([
    [33_334, 20],
    [33_333, 20],
    [33_333, 20],
  ]);
}, 120_000);

test('--publish merges into the list of each store, and leaves a damaged list as it is', async () => {
  const store: Store = await startLocalStore({ buckets: 2 });
  const client = s3ClientOf(store);
  const read = async (bucket = store.bucket): Promise<string> => {
    const { Body: body } = await client.send(
      new GetObjectCommand({ Bucket: bucket, Key: 'state/_clusters/prod.json' }),
    );
    return (await body?.transformToString()) ?? '';
  };
  try {
    const stores = store.buckets.map((bucket) => ({
      endpoint: store.endpoint,
      region: store.region,
      accessKeyId: store.accessKeyId,
      secretAccessKey: store.secretAccessKey,
      bucket,
    }));
    await write('lifeboat.yaml', JSON.stringify({ stores }));
    const publish = (image: string) =>
      images(['-', '--cluster', 'prod', '--publish'], [JSON.stringify(deployment('a', image))]);
    const first = await publish('a.test/x:1');
    expect([first.code, first.stdout]).toEqual([0, '']);
    expect(first.stderr.match(/^The bucket .*: 1 image of prod published\.$/gm)).toHaveLength(2);
    const second = await publish('a.test/x:2');
    expect(second.stderr).toContain(': 1 image of prod published, beside 1 that it had.');
    for (const bucket of store.buckets) {
      expect(JSON.parse(await read(bucket))).toMatchObject({
        version: 1,
        cluster: 'prod',
        images: [{ reference: 'a.test/x:1' }, { reference: 'a.test/x:2' }],
      });
    }
    const broken = `${JSON.stringify(deployment('a', 'a.test/x:2', '{{ x }}'))}{"kind":`;
    const part = await images(['-', '--cluster', 'prod', '--publish'], [broken]);
    expect([part.code, part.stderr]).toEqual([
      1,
      expect.stringContaining('and the list is marked as incomplete, because 1 place could not be read.'),
    ]);
    // A name that is none hides no other image.
    expect(JSON.parse(await read())).toMatchObject({ unread: [expect.stringContaining('(byte ')] });
    await publish('a.test/x:2');
    expect(JSON.parse(await read())).not.toHaveProperty('unread');
    await client.send(
      new PutObjectCommand({ Bucket: store.bucket, Key: 'state/_clusters/prod.json', Body: '{"version":9}' }),
    );
    const third = await publish('a.test/x:3');
    expect(third.code).toBe(1);
    expect(third.stderr).toMatch(
      /failed The bucket .*: the list of prod was not published: The bucket's object state\/_clusters\/prod\.json cannot be used/,
    );
    expect(await read()).toBe('{"version":9}');
    const nothing = await images(
      ['-', '--cluster', 'prod', '--publish'],
      ['{"apiVersion":"v1","kind":"List","items":[]}'],
    );
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('nothing was published')]);
  } finally {
    client.destroy();
    await store.stop();
  }
});
