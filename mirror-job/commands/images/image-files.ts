/** Reads the files and folders of `lifeboat images`, each by its format. */
import { createReadStream, type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { at } from '../../../cluster/check/parsed-file.ts';
import { documentsInJson } from '../../../cluster/images/documents/json-documents.ts';
import type { ObjectDocument } from '../../../cluster/images/documents/object-document.ts';
import { documentsInYaml } from '../../../cluster/images/documents/yaml-documents.ts';
import { imagesInCompose } from '../../../cluster/images/files/compose.ts';
import { imagesInDockerfile } from '../../../cluster/images/files/dockerfile.ts';
import { formatOf, FORMAT_START_BYTES, type ImageFileFormat } from '../../../cluster/images/files/format.ts';
import { imagesInGitHubActions } from '../../../cluster/images/files/github-actions.ts';
import { imagesInGitLabCi } from '../../../cluster/images/files/gitlab-ci.ts';
import { imagesInPlainList } from '../../../cluster/images/files/plain-list.ts';
import { nodePlatform } from '../../../cluster/images/kubernetes/node-images.ts';
import { imagesInObject } from '../../../cluster/images/kubernetes/object-images.ts';
import type { FoundInObjects, Problem } from '../../../cluster/images/mention.ts';
import { imagesOfCrictl } from '../../../cluster/images/node/crictl-images.ts';
import { pauseImages } from '../../../cluster/images/node/pause-image.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { describeUnreadable } from '../../runtime/node/error-code.ts';

/** A file that is read whole. JSON has no such limit. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 32;
/** Folders that hold other people's files. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', 'node_modules', 'vendor']);

export interface ImageFileOptions {
  readonly cwd: string;
  readonly stdin: () => AsyncIterable<Uint8Array | string>;
  readonly buildArguments: ReadonlyMap<string, string>;
  /** The platforms of the nodes that were read so far, by their names. */
  readonly platforms: Map<string, string>;
}

/**
 * @param named a file, a folder, or `-` for standard input
 * @throws {UsageError} for what cannot be read, and for a named file of no known format. In a folder, such files are left out
 */
export async function* imagesInFile(
  named: string,
  options: ImageFileOptions,
): AsyncGenerator<FoundInObjects> {
  if (named === '-') {
    yield* imagesInText(named, options.stdin(), options, true);
    return;
  }
  const path = resolve(options.cwd, named);
  const found = await stat(path).catch((error: unknown) => {
    throw new UsageError(`${named}: ${describeUnreadable(error)}.`, { cause: error });
  });
  if (found.isDirectory()) yield* imagesInFolder(path, named, options, 0);
  else yield* imagesInText(named, readStream(path, named), options, true);
}

/** A file or a folder in it that cannot be read is a problem, and the others are read. */
async function* imagesInFolder(
  path: string,
  shown: string,
  options: ImageFileOptions,
  depth: number,
): AsyncGenerator<FoundInObjects> {
  let entries: Dirent[] = [];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    yield unread(shown, `${describeUnreadable(error)}.`);
  }
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const [inner, name] = [join(path, entry.name), join(shown, entry.name)];
    // A link is left out: its target is in the folder too, or is not part of it.
    if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) {
      if (depth < MAX_DEPTH) yield* imagesInFolder(inner, name, options, depth + 1);
      else yield unread(name, `folders are read ${MAX_DEPTH} deep at most.`);
    } else if (entry.isFile()) {
      yield* imagesInFileOfFolder(inner, name, options);
    }
  }
}

function unread(where: string, message: string): Problem {
  return { kind: 'problem', where, message, isUnread: true };
}

async function* imagesInFileOfFolder(
  path: string,
  name: string,
  options: ImageFileOptions,
): AsyncGenerator<FoundInObjects> {
  try {
    yield* imagesInText(name, readStream(path, name), options, false);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    yield unread(name, error.message.slice(`${name}: `.length));
  }
}

/** @param isNamed whether a person has named the file, so that it has to be understood */
async function* imagesInText(
  name: string,
  bytes: AsyncIterable<Uint8Array | string>,
  options: ImageFileOptions,
  isNamed: boolean,
): AsyncGenerator<FoundInObjects> {
  const { start, all, isUtf16 } = await beginReading(bytes);
  const format = formatOf(name, start);
  if (format === 'unknown') {
    if (!isNamed) return;
    if (isUtf16) {
      throw new UsageError(
        `${name}: it is UTF-16, which PowerShell's ">" writes. Write it as UTF-8: … | Out-File -Encoding utf8 FILE`,
      );
    }
    if (start.trim() === '') throw new UsageError(`${name}: it is empty.`);
    throw new UsageError(
      `${name}: this is nothing that names images: Kubernetes objects, "crictl images -o json", a Dockerfile, a compose file, a workflow of GitHub or GitLab, or a list.`,
    );
  }
  const isJson = /^\s*[{[]/.test(start);
  if ((format === 'kubernetes' || format === 'crictl') && isJson) {
    for await (const document of documentsInJson(all, name)) {
      if (document.kind === 'problem') yield document;
      else
        yield* format === 'crictl' ? imagesOfCrictl(document.value, name) : imagesOfObject(document, options);
    }
    return;
  }
  yield* imagesInWholeText(format, name, await readWhole(all, name), options);
}

function* imagesInWholeText(
  format: Exclude<ImageFileFormat, 'unknown'>,
  name: string,
  text: string,
  options: ImageFileOptions,
): Generator<FoundInObjects> {
  const { buildArguments } = options;
  switch (format) {
    case 'Dockerfile':
      yield* imagesInDockerfile(text, name, { buildArguments });
      return;
    case 'compose':
      yield* imagesInCompose(text, name, { variables: buildArguments });
      return;
    case 'github-actions':
      yield* imagesInGitHubActions(text, name);
      return;
    case 'gitlab-ci':
      yield* imagesInGitLabCi(text, name);
      return;
    case 'node':
      yield* pauseImages(name, text);
      return;
    case 'list':
      yield* imagesInPlainList(text, name);
      return;
    case 'kubernetes':
    case 'crictl':
      for (const document of documentsInYaml(text, name)) {
        if (document.kind === 'problem') yield document;
        else yield* imagesOfObject(document, options);
      }
  }
}

/** Reads an object, and notes the platform of a node for the pods that come after it. */
function* imagesOfObject(
  { value, where }: ObjectDocument,
  { platforms }: ImageFileOptions,
): Generator<FoundInObjects> {
  const platform = nodePlatform(value);
  const name = at(value, 'metadata', 'name');
  if (platform !== undefined && typeof name === 'string') platforms.set(name, platform);
  yield* imagesInObject(value, where, { platformOfNode: (node) => platforms.get(node) });
}

interface Begun {
  /** As much as a format is known by. */
  readonly start: string;
  /** Whether it begins with the mark of UTF-16. */
  readonly isUtf16: boolean;
  /** Everything, that beginning included. */
  readonly all: AsyncIterable<Uint8Array>;
}

async function beginReading(bytes: AsyncIterable<Uint8Array | string>): Promise<Begun> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  let isDone = false;
  while (length < FORMAT_START_BYTES && !isDone) {
    const next = await iterator.next();
    if (next.done === true) isDone = true;
    else {
      const chunk = bytesOf(next.value);
      first.push(chunk);
      length += chunk.length;
    }
  }
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    yield* first;
    if (isDone) return;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield bytesOf(next.value);
    }
  };
  const beginning = Buffer.concat(first).subarray(0, FORMAT_START_BYTES);
  const isUtf16 = /^(?:fffe|feff)/.test(beginning.toString('hex', 0, 2));
  return { start: beginning.toString('utf8'), isUtf16, all: rest() };
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

async function readWhole(all: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of all) {
    length += chunk.length;
    if (length > MAX_TEXT_BYTES) {
      throw new UsageError(
        `${name}: it has more than 64 MiB. Read Kubernetes objects as JSON: kubectl get … -o json`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* readStream(path: string, name: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path)) {
      const bytes: Uint8Array = chunk;
      yield bytes;
    }
  } catch (error) {
    throw new UsageError(`${name}: ${describeUnreadable(error)}.`, { cause: error });
  }
}
