/** The documentation of clients shows what the commands print, and the blocks with which real clients are tested. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MARKER } from '../../cluster/clients/text.ts';
import { createIo, runMain } from '../mirror-job/support/io.ts';
import { codeBlocksOf } from '../support/code-block.ts';
import { BLOCKS } from '../support/clients/documented.ts';

test('README.md shows what the check of a node prints that reads no hosts.toml', async () => {
  const blocks = await codeBlocksOf('README.md');
  const shown = blocks.find((block) => block.startsWith('containerd 2  '));
  const node = await mkdtemp(join(tmpdir(), 'lifeboat-node-'));
  try {
    await mkdir(join(node, 'etc/containerd'), { recursive: true });
    await writeFile(join(node, 'etc/containerd/config.toml'), 'version = 3\n');
    const edge = ['--edge', 'https://lifeboat.example.com', '--upstream', 'docker.io'];
    const checked = await runMain(
      ['clients', '--check', ...edge, '--root', node],
      createIo({ cwd: node, env: {} }),
    );
    expect(checked.code).toBe(3);
    expect(shown).toBe(checked.stdout);
  } finally {
    await rm(node, { recursive: true });
  }
});

test('docs/clients.md has each block with which the client suite configures its clients', async () => {
  const blocks = await codeBlocksOf('docs/clients.md');
  for (const beginning of Object.values(BLOCKS)) {
    expect(blocks.filter((block) => block.startsWith(beginning))).toHaveLength(1);
  }
});

test('docs/clients.md shows what the merging of several teams prints', async () => {
  const blocks = await codeBlocksOf('docs/clients.md');
  const blockOf = (beginning: string) => blocks.find((block) => block.startsWith(beginning)) ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-teams-'));
  try {
    await mkdir(join(folder, 'team-b'));
    await writeFile(join(folder, 'cluster.yaml'), blockOf('# cluster.yaml'));
    await writeFile(join(folder, 'team-b/lifeboat.yaml'), blockOf('# team-b/lifeboat.yaml'));
    const command = blockOf('npx lifeboat clients cri-o --merge').trim().split(' ');
    const merged = await runMain(command.slice(2), createIo({ cwd: folder, env: {} }));
    expect([merged.code, merged.stdout]).toEqual([0, blockOf(MARKER)]);
    expect(merged.stdout).toContain('location = "lifeboat.example.com/quay.io"');
  } finally {
    await rm(folder, { recursive: true });
  }
});
