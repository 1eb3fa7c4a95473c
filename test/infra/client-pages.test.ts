/** The configuration of clients is in two places of the documentation, and real clients test only one of them. */
import { expect, test } from 'vitest';
import { codeBlocksOf } from '../support/code-block.ts';
import { BLOCKS, documentedBlock, type BlockName } from '../support/clients/documented.ts';

const README_HAS: readonly BlockName[] = [
  'containerd 2.x',
  'containerd 1.x',
  'hosts.toml',
  'registries.conf',
];

test('README.md shows the blocks of docs/clients.md, letter by letter', async () => {
  const shown = (await codeBlocksOf('README.md')).filter((block) => block.startsWith('# /etc/'));
  expect(shown).toEqual(await Promise.all(README_HAS.map(async (name) => documentedBlock(name))));
});

test('docs/clients.md has each block with which the client suite configures its clients', async () => {
  const blocks = await codeBlocksOf('docs/clients.md');
  for (const beginning of Object.values(BLOCKS)) {
    expect(blocks.filter((block) => block.startsWith(beginning))).toHaveLength(1);
  }
});
