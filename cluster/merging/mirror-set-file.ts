/** Reads files of mirror sets: what people apply to an OpenShift cluster, and what `oc get … -o yaml` prints. */
import { MirrorSetInvalidError } from './invalid-error.ts';
import type { MirrorSet } from './mirror-set.ts';
import { ObjectReader } from './object-reader.ts';
import { readYamlFile } from './yaml-file.ts';

/**
 * Reads each ImageDigestMirrorSet, ImageTagMirrorSet and ImageContentSourcePolicy of a file, which may have several YAML
 * documents, and lists of objects.
 * @param file its name, for messages
 * @throws {MirrorSetInvalidError} for anything else in the file. It has every problem
 */
export function parseMirrorSets(file: string, text: string): MirrorSet[] {
  const documents = readYamlFile(file, text);
  if (documents.length === 0) {
    const message = 'the file is empty. Write an ImageDigestMirrorSet or an ImageTagMirrorSet into it.';
    throw new MirrorSetInvalidError([{ file, key: '', message }]);
  }
  const readers = documents.map((document) => new ObjectReader(document));
  const sets = readers.flatMap((reader) => reader.read());
  const problems = readers.flatMap((reader) => reader.problems);
  if (problems.length > 0) throw new MirrorSetInvalidError(problems);
  return sets;
}
