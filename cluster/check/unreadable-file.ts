/** Says why a file of a node could not be read. Such a file never counts as absent. */
import type { NodeFiles } from './node-files.ts';

const RUN_AS_ROOT = 'Run this as root.';

/** By the code: the end of a sentence that begins with the path, and the next step. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: `cannot be read (EACCES). ${RUN_AS_ROOT}`,
  EPERM: `cannot be read (EPERM). ${RUN_AS_ROOT}`,
  EFBIG: 'has more than 4 MiB, so it was not read. Put a configuration in its place.',
  EILSEQ: 'is not UTF-8. Write it in UTF-8.',
  EFTYPE: 'is no regular file, so it was not read. Put a file in its place.',
  ELOOP: 'is a symbolic link that leads in a circle. Let it lead to a file.',
  E2BIG:
    'was not read, because the files name too many others. Let config.toml import fewer files, and name smaller folders.',
};

/** @returns a sentence; undefined for a file that was read, and for one that does not exist */
export function whyUnreadable(node: NodeFiles, path: string): string | undefined {
  if (node.files.has(path)) return undefined;
  for (let one = path; one !== ''; one = one.slice(0, one.lastIndexOf('/'))) {
    const code = node.unreadable.get(one);
    if (code !== undefined) {
      return `${one} ${REASONS[code] ?? `cannot be read (${code}). Mend that, and run this again.`}`;
    }
    // A folder that could be listed has all the files that there are.
    if (node.folders.has(one)) return undefined;
  }
  return undefined;
}

/** @returns the text of a file, or why it cannot be read, in a sentence; undefined if there is no such file */
export function textAt(
  node: NodeFiles,
  path: string,
): { readonly text: string } | { readonly problem: string } | undefined {
  const text = node.files.get(path);
  if (text !== undefined) return { text };
  const problem = node.folders.has(path)
    ? `${path} is a folder. Put a file in its place.`
    : whyUnreadable(node, path);
  return problem === undefined ? undefined : { problem };
}
