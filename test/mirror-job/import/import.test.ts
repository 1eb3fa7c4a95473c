/** `lifeboat import` turns another tool's file into a configuration that loads, and names the settings that are lost. */
import { expect, test, vi } from 'vitest';
import { image, ZEROS, useImportFolder } from './import-folder.ts';

// The limit is wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000 });

const { importFile, path, write } = useImportFolder();

test('a configuration of regsync is imported, and each lost setting is named', async () => {
  const { code, text, messages, images, upstreams } = await importFile('regsync.yml');
  expect(messages).toEqual([
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
      ...image(path('images/tool'), { tags: ['v1'] }),
      repository: 'registry_5000/tools/tool',
    },
  ]);
});

test('a list of skopeo sync is imported, and each lost setting is named', async () => {
  const { code, text, messages, images } = await importFile('skopeo.yml');
  expect(messages).toEqual([
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

test('an ImageSetConfiguration of oc-mirror, first version, is imported, and each lost setting is named', async () => {
  const { code, messages, images } = await importFile('imageset-v1.yaml');
  expect(messages).toEqual([
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

test('an ImageSetConfiguration of oc-mirror, second version, is imported, and each lost setting is named', async () => {
  const { code, text, messages, images } = await importFile('imageset-v2.yaml');
  // The digest decides, and the tag is only a name for people.
  expect(text).toContain(`  - quay.io/app/tool:v1@sha256:${'1'.repeat(64)}\n`);
  expect(messages).toEqual([
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
])(
  'each setting of %s that has a key in lifeboat.yaml is carried over, or named as lost',
  async (file, keys) => {
    const { text, messages, code } = await importFile(file);
    for (const key of keys) {
      const isReported = messages.some((line) => line.includes(` ${key}: `));
      expect([key, new RegExp(`^ +${key}:`, 'm').test(text)]).toEqual([key, !isReported]);
    }
    expect(code).toBe(messages.length > 1 ? 1 : 0);
  },
);

test('the first of two entries that select one tag is carried over', async () => {
  const entries = ['one', 'two'].map(
    (name) => `  - { source: 'ocidir://${name}:v1', target: 'registry:5000/a:v1', type: image }\n`,
  );
  await write('twice.yml', `sync:\n${entries.join('')}`);
  const { code, messages, images } = await importFile('twice.yml');
  expect(messages).toEqual([
    'not carried twice.yml:3: sync[1]: it selects the tag "v1" of registry_5000/a, and line 2 selects the same tag from another source. Leave the tag out of one of the two, or give one of them another name.',
    'written twice.yml.out: 1 image; 1 not carried, listed above',
  ]);
  expect([code, images.map(({ source }) => source)]).toEqual([1, [path('one')]]);
});

test('regsync: an unknown key and skipDockerConfig: true are named, and other switches are not', async () => {
  await write(
    'switches.yml',
    `
version: 1
creds:
  - { registry: docker.io, reqPerSec: 5, blobMax: 1, mystery: x }
defaults: { skipDockerConfig: true, includeExternal: false, parallel: 4 }
sync:
  - { source: alpine:3.20, target: 'registry:5000/alpine:3.20', type: image, skipDockerConfig: false }
`,
  );
  expect((await importFile('switches.yml')).messages).toEqual([
    'not carried switches.yml:4: creds[0].mystery: Lifeboat knows no such key of regsync.',
    'not carried switches.yml:5: defaults.skipDockerConfig: docker’s logins are used where an upstream has no credentials: set credentials: [] at the upstream for none.',
    'written switches.yml.out: 1 image; 2 not carried, listed above',
  ]);
});

test('import warns that a range with pre-releases selects less in lifeboat.yaml', async () => {
  await write(
    'pre.yml',
    `docker.io:\n  images-by-semver:\n    team/app: ">=1.0.0-0, <2"\n    team/plain: ">=1.0.0 <2"\n`,
  );
  const { images, messages } = await importFile('pre.yml');
  expect(images).toHaveLength(2);
  expect(messages.slice(0, -1)).toEqual([
    `not carried pre.yml:3: ["docker.io"].images-by-semver["team/app"]: this range includes versions with a suffix, but in lifeboat.yaml it includes only versions without one. Add suffix: ['', '-*'], or list the suffixes that you want.`,
  ]);
});
