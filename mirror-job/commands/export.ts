/** `lifeboat export` writes images of the bucket into an OCI layout. */
import { access, constants, lstat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NameInvalidError, parseReference, type Reference } from '../../core/reference.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { errorCode } from '../runtime/node/error-code.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { followOwnLinks, ForeignFileError } from './output/own-links.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { Tally } from '../engine/tally.ts';
import { exportImages, type ExportResult } from '../export/exporter.ts';
import { writeFolder, type LayoutWriter } from '../export/layout-writer.ts';
import { writeTar } from '../export/tar-writer.ts';
import { createHash } from '../runtime/node/hash.ts';
import { createStoreAgents } from '../runtime/node/agents.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { openReadable } from '../assembly/stores.ts';
import { findRepository } from './arguments/named-repository.ts';
import type { Interruption } from '../terminal/interruption.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { formatBytes, shortDigest, styleFor } from '../terminal/style.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  to: { type: 'string', takes: 'file' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const;

export const exportCommand: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat export IMAGE… --to DIR|FILE.tar [-c FILE] [--json] [-q]

Writes images that are in the bucket into an OCI image layout, for a place without a network:
every platform that the bucket has, and their signatures, SBOMs and attestations. The
upstream is not asked. Every digest is checked, and the layout gets its name only when it is
complete.

IMAGE is docker.io/library/alpine:3.20, docker.io/library/alpine@sha256:… (a tag before the @
is ignored), or docker.io/library/alpine for all its tags: the name under which the image is
served, or the name of its source.
If all images are of one repository, the layout names them by their tags. If they are of several
repositories, the layout names them by their whole references.

Options:
      --to PATH      where to write; a name that ends in .tar is a tar, any other one a folder.
                     It must not exist yet
  -c, --config FILE  the configuration, for its store (default: lifeboat.yaml)
      --json         print what was written as JSON
  -q, --quiet        no progress
  -h, --help         this help

Exit code:
  0  done
  1  an image is not in the bucket, or only a part of it is: nothing was written
  2  the configuration, the store or the command line is wrong, and nothing was written

Examples:
  npx lifeboat export docker.io/library/alpine:3.20 --to alpine.tar
  skopeo copy --all oci-archive:alpine.tar:3.20 docker://registry.internal/alpine:3.20

  npx lifeboat export docker.io/library/alpine ghcr.io/org/app:v1 --to images.tar
  # and in the other place, in lifeboat.yaml:
  #   - { source: 'oci:./images.tar', name: docker.io/library/alpine, tags: ['*'] }
  #   - { source: 'oci:./images.tar', name: ghcr.io/org/app, tags: ['*'] }
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('export', args, OPTIONS);
    const { to, config, json, quiet } = values;
    if (positionals.length === 0) throw new UsageError(`name at least one image. ${seeHelp('export')}`);
    if (to === undefined) {
      throw new UsageError(`say where to write: --to DIR or --to FILE.tar. ${seeHelp('export')}`);
    }
    const references = positionals.map((text) => parseImage(text));
    await refuseTarget(to, session.cwd);
    return runExport({ references, to: resolve(session.cwd, to), config, json, quiet }, session);
  },
};

/** @throws {UsageError} */
function parseImage(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/**
 * Refuses a target that cannot be written before the export begins, because an export may take long. @throws
 * {UsageError}
 */
async function refuseTarget(to: string, cwd: string): Promise<void> {
  if (to === '') throw new UsageError('--to names neither a folder nor a file.');
  if (/\.(?:tgz|tar\.\w+)$/.test(to)) {
    throw new UsageError(
      `--to ${to}: a layout is not compressed, because its layers already are. End the name in .tar.`,
    );
  }
  if ((await lstat(resolve(cwd, to)).catch(() => undefined)) !== undefined) {
    throw new UsageError(`--to ${to}: it exists already. Remove it, or give another name.`);
  }
  try {
    await access(`${await followOwnLinks(dirname(resolve(cwd, to)))}/`, constants.W_OK);
  } catch (error) {
    const refusal = `--to ${to}: it cannot be written`;
    if (error instanceof ForeignFileError) {
      const advice = 'Name a place in a directory where nobody else may write.';
      throw new UsageError(`${refusal} (${error.message}). ${advice}`, { cause: error });
    }
    throw new UsageError(
      `${refusal} (${errorCode(error)}). Its directory has to exist, and this user has to be allowed to write in it.`,
      { cause: error },
    );
  }
}

interface ExportOptions {
  readonly references: readonly Reference[];
  /** The path of a folder, or of a file whose name ends in `.tar`. Nothing exists at this path yet. */
  readonly to: string;
  readonly config: string;
  /** Prints the result as JSON, instead of a summary. */
  readonly json: boolean;
  /** No progress. */
  readonly quiet: boolean;
}

/**
 * @returns the exit code: 0, or 1 if the export failed or was interrupted; it then leaves no file
 * @throws {UsageError} for a name that stands for several repositories
 * @throws {ConfigurationError} before anything is written, if the configuration or the store cannot be used
 */
async function runExport(options: ExportOptions, session: Session): Promise<number> {
  const configuration = await loadConfiguration(options.config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  const references = options.references.map((reference) => ({
    ...reference,
    repository: findRepository(configuration, reference),
  }));
  const agents = createStoreAgents(readProxies(session.env));
  // While the store is opened, a signal ends the process as usual.
  const { signal: never } = new AbortController();
  const store = await openReadable(options.config, configuration, agents, {
    isDry: false,
    signal: never,
  });
  const progress = new Progress(session, options);
  using interruption = stopOnce(progress, session);
  const { signal } = interruption;
  const tally = new Tally();
  const environment = { store, log: progress, signal, tally, createHash };
  let writer: LayoutWriter | undefined;
  let result: ExportResult;
  try {
    writer = await (options.to.endsWith('.tar') ? writeTar(options.to) : writeFolder(options.to));
    progress.start(tally);
    // An interrupted export does not wait for a store that hangs, so that it can remove the partial layout.
    result = await Promise.race([exportImages(environment, references, writer), aborted(signal)]);
    if (result.failures.length === 0) await writer.finish();
    else await writer.abandon();
  } catch (error) {
    await writer?.abandon();
    if (!(signal.aborted || isFileError(error))) throw error;
    progress.stop();
    const reason = signal.aborted ? 'interrupted' : `it cannot be written (${errorCode(error)})`;
    progress.fail(`  ${options.to}: ${reason}. Nothing is left of it.`);
    // Nobody waits for the request that is still open to the store, so it must not keep the process alive.
    if (signal.aborted) session.exit(1);
    return 1;
  }
  progress.stop();
  report(result, options, progress, session);
  return result.failures.length === 0 ? 0 : 1;
}

function report(
  result: ExportResult,
  { to, json }: ExportOptions,
  progress: Progress,
  session: Session,
): void {
  const { images, failures, manifests, blobs, bytes } = result;
  const isWritten = failures.length === 0;
  for (const failure of failures) progress.fail(`  ${failure}`);
  if (!isWritten) progress.info(`${to} was not written, because an incomplete layout cannot be relied on.`);
  if (json) {
    printJson({ to: isWritten ? to : null, ...result }, session);
  } else if (isWritten) {
    const { good, faint } = styleFor(session.stdout, session.env);
    const describe = (shown: { readonly images: ExportResult['images']; readonly to: string }): string => {
      const rows = shown.images.map(
        ({ image, digest }) => `${good('exported')} ${faint(shortDigest(digest))}  ${image}`,
      );
      const sum = `${shown.to}: ${manifests} manifests · ${blobs} blobs · ${formatBytes(bytes)}`;
      return [...rows, sum].join('\n');
    };
    printResult({ images, to }, describe, session);
  }
}

/** Never resolves. @throws the signal's reason when the signal is aborted */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** The first signal aborts the export. A second one ends the process as usual. */
function stopOnce(progress: Progress, { signals }: Session): Interruption {
  const stop = new AbortController();
  const ignoreSignals = (): void => {
    signals.off('SIGINT', onSignal);
    signals.off('SIGTERM', onSignal);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    ignoreSignals();
    progress.info(`${name}: stopping; removing the partial layout. A second signal stops at once.`);
    stop.abort(new Error(`stopped by ${name}`));
  };
  signals.on('SIGINT', onSignal);
  signals.on('SIGTERM', onSignal);
  return { signal: stop.signal, [Symbol.dispose]: ignoreSignals };
}

/** Whether the file system failed, for example because the disk is full. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
