/** Reads the code blocks of the documentation, so that tests run exactly the text that readers copy. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../..');

/**
 * Returns every code block of a page, without its fences. A block in a list is indented together with its fences, and
 * is returned without that indentation.
 */
export async function codeBlocksOf(page: string): Promise<string[]> {
  const text = await readFile(join(PROJECT, page), 'utf8');
  return [...text.matchAll(/^( *)```[^\n]*\n(.*?)^\1```$/gms)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

/**
 * Returns the one code block of the page that begins with this text.
 * @throws if there is none, or if there are several
 */
export async function codeBlock(page: string, beginning: string): Promise<string> {
  const blocks = (await codeBlocksOf(page)).filter((block) => block.startsWith(beginning));
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    throw new Error(`${page} has ${blocks.length} code blocks that begin with ${beginning}`);
  }
  return block;
}
