/** Tests lists of tags in the files of other tools: a mistake in a list never makes it select more. */
import { expect, test, vi } from 'vitest';
import { image, ZEROS, useImportFolder } from './import-folder.ts';

// The limit is wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000 });

const { importFile, write } = useImportFolder();

test('a text that is not a tag is left out of a skopeo list, because the list then selects less', async () => {
  await write(
    'items.yml',
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
  const { messages, images } = await importFile('items.yml');
  const no = 'is neither a tag nor a digest, so it is left out.';
  expect(messages).toEqual([
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

test('a text that looks like a line number stays as it is in messages', async () => {
  await write(
    'lines.yml',
    `
sync:
  - { source: alpine, target: a, tags: { allow: ["(line 3"] } }
  - { source: 'busybox:line 4', target: a, type: image }
  - { source: 'redis:line 2', target: a, type: image }
  - { source: 'nginx:1', target: a, type: image, platforms: ['line 2'] }
`,
  );
  const { messages, images } = await importFile('lines.yml');
  expect(messages).toEqual([
    'not carried lines.yml:3: sync[0]: "/^(line 3$/" is not a regular expression: Unterminated group. So nothing of alpine is carried.',
    expect.stringMatching(/^not carried lines\.yml:4: sync\[1\]: source: "line 4"/),
    expect.stringMatching(/^not carried lines\.yml:5: sync\[2\]: source: "line 2"/),
    'not carried lines.yml:6: sync[3]: "line 2" is not a platform, such as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64. All platforms are mirrored instead of line 2.',
    'written lines.yml.out: 1 image; 4 not carried, listed above',
  ]);
  expect(images).toEqual([image('docker.io/library/nginx', { tags: ['1'] })]);
});

test('skopeo: a tag that YAML reads as a number or a boolean is carried over as the file writes it', async () => {
  await write(
    'numbers.yml',
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
  const { images, text, code } = await importFile('numbers.yml');
  expect(images.map(({ tags }) => tags)).toEqual([
    ['3.20', '1234e56', '010', 'true', '20240807123456789012'],
    ['1.10'],
    ['1.10'],
    [],
  ]);
  expect(text).toContain("semver: '1.20'");
  expect(code).toBe(0);
});

test('a list that cannot be read selects nothing, and not everything', async () => {
  await write(
    'no-lists.yml',
    `
docker.io:
  images:
    team/b: 1.36
    team/c: [{}]
    team/all: []
    team/none:
`,
  );
  const skopeo = await importFile('no-lists.yml');
  expect(skopeo.images.map(({ source }) => source)).toEqual(['docker.io/team/all', 'docker.io/team/none']);
  expect(skopeo.messages).toEqual([
    'not carried no-lists.yml:4: ["docker.io"].images["team/b"]: it is not a list of texts, so what it selects is left out.',
    'not carried no-lists.yml:5: ["docker.io"].images["team/c"]: it is not a list of texts, so what it selects is left out.',
    'written no-lists.yml.out: 2 images; 2 not carried, listed above',
  ]);
  await write(
    'no-sets.yml',
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
  const regsync = await importFile('no-sets.yml');
  expect(regsync.images.map(({ source, tags }) => [source, tags])).toEqual([
    ['docker.io/library/nginx', ['true']],
  ]);
  expect(regsync.text).toContain("tags: [/^3.20$/, 'true', /^1.5$/]");
  expect(regsync.messages.slice(0, -1)).toEqual([
    'not carried no-sets.yml:4: sync[0].tags.allow: it is not a list of texts, so what it selects is left out.',
    'not carried no-sets.yml:5: sync[1].tags: it is not a map of keys, so what it selects is left out.',
    'not carried no-sets.yml:6: sync[2].tags.deny: it is not a list of texts, so what it selects is left out.',
    'not carried no-sets.yml:7: sync[3].platforms: it is not a list of texts, so what it selects is left out.',
    `not carried no-sets.yml:8: sync[4].tags.allow[0]: it is a number, and regsync's releases read numbers differently; it is carried as "3.20". Put it in quotes.`,
  ]);
});
