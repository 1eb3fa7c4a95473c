/** Reads an in-use list that the command line names: a file, or standard input. */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { InUseList } from '../../../core/in-use-list.ts';
import { inUseKey } from '../../../core/layout.ts';
import { maxSizeOf } from '../../../core/object-size.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { decodeListFile } from '../../drill/drill-lists.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import type { Session } from '../../terminal/io.ts';

const ADVICE =
  'A list is written by: "lifeboat images --cluster NAME --json > in-use.json", and from a file that names images by: "lifeboat images FILE --json > in-use.json".';

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: `there is no such file. ${ADVICE}`,
  EISDIR: 'this is a directory. Name a file in it.',
  EACCES: 'this user may not read it.',
};

/**
 * @param file `-` for standard input
 * @throws {UsageError} for a file that cannot be read, or is no list
 */
export async function readListFile(
  file: string,
  { cwd, stdin }: Pick<Session, 'cwd' | 'stdin'>,
): Promise<InUseList> {
  const name = file === '-' ? 'standard input' : file;
  if (file === '') throw new UsageError(`FILE is empty: name an in-use list. ${ADVICE}`);
  const bytes = await readWhole(file === '-' ? stdin() : createReadStream(resolve(cwd, file)), name);
  try {
    return decodeListFile(bytes);
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    if (isKubernetes(bytes)) {
      throw new UsageError(
        `${name} has objects of Kubernetes. Make a list of them first: "lifeboat images ${file} --cluster NAME --json > in-use.json".`,
        { cause: error },
      );
    }
    throw new UsageError(`${name} is no list of what a cluster runs: ${error.reason} ${ADVICE}`, {
      cause: error,
    });
  }
}

/** @param bytes that are no list */
function isKubernetes(bytes: Uint8Array): boolean {
  return /"apiVersion"\s*:/.test(Buffer.from(bytes.subarray(0, 65_536)).toString('utf8'));
}

async function readWhole(stream: AsyncIterable<Uint8Array | string>, name: string): Promise<Uint8Array> {
  const maxBytes = maxSizeOf(inUseKey('file'));
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      size += bytes.length;
      if (size > maxBytes) break;
      chunks.push(bytes);
    }
  } catch (error) {
    const code = errorCode(error);
    throw new UsageError(`${name}: ${UNREADABLE[code] ?? `it cannot be read (${code}).`}`, { cause: error });
  }
  if (size > maxBytes) {
    throw new UsageError(`${name}: it has more than ${maxBytes} bytes, which is the most of a list.`);
  }
  return Buffer.concat(chunks);
}
