/** `lifeboat import` turns another tool's configuration into a lifeboat.yaml. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { describeUnreadable, errorCode } from '../runtime/node/error-code.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { brief, printable } from '../../core/printable.ts';
import { countOf } from '../engine/support/count-of.ts';
import { compose } from '../import/compose.ts';
import type { Draft } from '../import/draft.ts';
import { ForeignFile, ForeignFileError } from '../import/foreign-file.ts';
import { looksLikeImageSet, readImageSet } from '../import/image-set.ts';
import { readRegsync } from '../import/regsync.ts';
import { looksLikeSkopeo, readSkopeo } from '../import/skopeo.ts';
import {
  describeUnwritable,
  isStandardOutput,
  refuseUnnamed,
  writeNewOutput,
  writeOutput,
} from './output/output-file.ts';
import type { Session } from '../terminal/io.ts';
import { styleFor } from '../terminal/style.ts';

const OPTIONS = {
  output: { type: 'string', short: 'o', default: 'lifeboat.yaml', takes: 'file' },
  force: { type: 'boolean', default: false },
} as const;

export const importCommand: Command = {
  options: OPTIONS,
  operands: 'file',
  help: `Usage: lifeboat import FILE [-o lifeboat.yaml] [--force]

Reads a configuration of regsync, a list of skopeo sync (--src yaml), or an
ImageSetConfiguration of oc-mirror, whichever FILE is, and writes a lifeboat.yaml that mirrors
the same images. Each entry says where it came from. A setting that has no place in lifeboat.yaml
is listed with its line and the reason. No registry is asked. No password is copied: a variable
takes its place.

Options:
  -o, --output FILE  where to write; - is standard output (default: lifeboat.yaml)
      --force        replace the file, if it exists
  -h, --help         this help

Exit code:
  0  everything was carried
  1  something was not carried; the rest was written
  2  FILE cannot be read, the output exists, or the command line is wrong; nothing was written

Examples:
  npx lifeboat import regsync.yml
  npx lifeboat import sync.yaml -o - | less
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('import', args, OPTIONS);
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) {
      throw new UsageError(`name one file to read. ${seeHelp('import')}`);
    }
    return runImport({ file, ...values }, session);
  },
};

interface ImportOptions {
  readonly file: string;
  /** The name of a file, or `-` or `/dev/stdout` for standard output. */
  readonly output: string;
  /** Whether the output may replace a file. */
  readonly force: boolean;
}

/**
 * @returns the exit code: 0, or 1 if a setting could not be carried over
 * @throws {UsageError} for a file that is no configuration of one of these tools, and for an output that exists
 */
async function runImport(
  { file, output, force }: ImportOptions,
  { stdout, stderr, env, cwd }: Session,
): Promise<number> {
  refuseUnnamed('--output', output);
  const isStdout = output === '-' || (await isStandardOutput(resolve(cwd, output)));
  const draft = readDraft(file, await readText(file, cwd));
  const { text, images } = compose(draft);
  if (text !== undefined) {
    if (isStdout) stdout.write(text);
    else await write(output, text, { force, cwd });
  }
  const { bad } = styleFor(stderr, env);
  const { losses } = draft;
  for (const loss of losses) stderr.write(`${bad('not carried')} ${printable(brief(loss))}\n`);
  const lost = losses.length === 0 ? '' : `; ${losses.length} not carried, listed above`;
  if (text === undefined) {
    stderr.write(`Nothing of ${printable(file)} can be carried, so nothing was written.\n`);
  } else {
    // Standard output must carry nothing else when it carries the result.
    const [stream, where] = isStdout ? [stderr, 'to standard output'] : [stdout, output];
    const line = `${styleFor(stream, env).good('written')} ${printable(where)}: ${countOf(images, 'image')}${lost}`;
    stream.write(`${line}\n`);
  }
  return losses.length === 0 && text !== undefined ? 0 : 1;
}

/** @throws {UsageError} */
function readDraft(name: string, text: string): Draft {
  try {
    const file = new ForeignFile(name, text);
    if (looksLikeImageSet(file.json)) return readImageSet(file);
    if (Array.isArray(file.json['sync'])) return readRegsync(file);
    if (looksLikeSkopeo(file.json)) return readSkopeo(file);
  } catch (error) {
    if (error instanceof ForeignFileError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  throw new UsageError(
    `${name}: this file cannot be imported. Give a regsync configuration (a list under sync), a list of skopeo sync (images below registries), or an ImageSetConfiguration of oc-mirror.`,
  );
}

/** @throws {UsageError} */
async function readText(file: string, cwd: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(resolve(cwd, file)));
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${file}: it is not UTF-8 text.`, { cause: error });
    throw new UsageError(`${file}: ${describeUnreadable(error)}.`, { cause: error });
  }
}

/** @throws {UsageError} */
async function write(
  output: string,
  text: string,
  { force, cwd }: { readonly force: boolean; readonly cwd: string },
): Promise<void> {
  const whole = resolve(cwd, output);
  try {
    await (force ? writeOutput(whole, text) : writeNewOutput(whole, text));
  } catch (error) {
    const code = errorCode(error);
    throw new UsageError(
      code === 'EEXIST'
        ? `${output}: it exists already. Name another file with -o FILE, or replace it with --force.`
        : `${output}: ${describeUnwritable(error)}`,
      { cause: error },
    );
  }
}
