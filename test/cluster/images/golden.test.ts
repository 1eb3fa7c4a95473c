/** Files as kubectl, helm and people write them. Each has what is found in it beside it, as text (`vitest -u` writes it). */
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentsInJson } from '../../../cluster/images/documents/json-documents.ts';
import type { ObjectDocument } from '../../../cluster/images/documents/object-document.ts';
import { documentsInYaml } from '../../../cluster/images/documents/yaml-documents.ts';
import { imagesInObject } from '../../../cluster/images/kubernetes/object-images.ts';
import type { Problem } from '../../../cluster/images/mention.ts';
import { allOf } from './documents/chunks.ts';
import { lineOf, linesOf } from './found-line.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const files = (await readdir(GOLDEN)).filter((name) => !name.endsWith('.txt'));

async function documentsIn(name: string): Promise<(ObjectDocument | Problem)[]> {
  const path = join(GOLDEN, name);
  return name.endsWith('.json')
    ? allOf(documentsInJson(createReadStream(path), name))
    : [...documentsInYaml(await readFile(path, 'utf8'), name)];
}

const platformOfNode = (node: string): string | undefined => (node === 'arm-1' ? 'linux/arm64' : undefined);

test('there are golden files', () => {
  expect(files.length).toBeGreaterThan(3);
});

test.for(files)('%s: images and problems are as expected', async (name) => {
  const lines = (await documentsIn(name)).flatMap((document) =>
    document.kind === 'problem'
      ? [lineOf(document)]
      : linesOf(imagesInObject(document.value, document.where, { platformOfNode })),
  );
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(GOLDEN, `${name}.txt`));
});
