/** Shows how clients are configured: the files, what a runtime cannot do, and what is left to do. */
import type { ClientFile, RuntimeConfiguration } from '../../cluster/clients/setup.ts';

/** The files with a heading each; a single one without a heading, so that it can go into a file. */
export function describeFiles(files: readonly ClientFile[]): string {
  const [only] = files;
  if (only !== undefined && files.length === 1) return only.content;
  return files.map(({ path, content }) => `### ${path}\n${content}`).join('\n');
}

/** @returns lines for people, without the files; empty if there is nothing to say */
export function describeNotes(title: string, { limits, steps, files }: RuntimeConfiguration): string {
  const shared = files.filter(({ kind }) => kind === 'shared').map(({ path }) => path);
  const lines = [
    ...limits.map((limit) => `  ! ${limit}`),
    ...(shared.length > 0
      ? [`  - ${shared.join(', ')}: if the file exists, add these lines to it and keep the others.`]
      : []),
    ...steps.map((step) => `  - ${step}`),
  ];
  return lines.length === 0 ? '' : `${[`${title}:`, ...lines].join('\n')}\n`;
}
