/** Writes the files of clients in YAML. It has a file of its own, so that the edge does not have its large library. */
import { Document } from 'yaml';
import { MARKER } from './text.ts';

/** @param values one for each document of the file */
export function yamlText(...values: readonly unknown[]): string {
  const texts = values.map((value) =>
    new Document(value, { aliasDuplicateObjects: false }).toString({ lineWidth: 0, singleQuote: true }),
  );
  return `${MARKER}\n${texts.join('---\n')}`;
}
