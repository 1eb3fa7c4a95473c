/** An export by a configuration file: from opening the bucket to the layout's name. */
import type { Reference } from '../../core/reference.ts';
import { codeOf } from './command.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { Tally } from '../engine/tally.ts';
import { exportImages, type ExportResult } from '../export/exporter.ts';
import { writeFolder, type LayoutWriter } from '../export/layout-writer.ts';
import { writeTar } from '../export/tar-writer.ts';
import { createCollectingHash } from '../runtime/node/memory.ts';
import { createStoreAgents } from '../runtime/node/agents.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { openReadable } from '../assembly/stores.ts';
import { findRepository } from './arguments/named-repository.ts';
import type { CommandLine } from '../terminal/command-line.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { formatBytes, shortDigest, styleFor } from '../terminal/style.ts';

export interface ExportOptions {
  readonly references: readonly Reference[];
  /** A file whose name ends in `.tar`, or a folder; neither is there yet. */
  readonly to: string;
  readonly config: string;
  /** Prints the result as JSON, instead of a summary. */
  readonly json: boolean;
}

/**
 * @returns the exit code: 0, or 1 if something failed or was interrupted, and then nothing is left
 * @throws {UsageError} for a name that stands for several
 * @throws {ConfigurationError} before anything is written, where it or the store cannot be used
 */
export async function runExport(options: ExportOptions, commandLine: CommandLine): Promise<number> {
  const configuration = await loadConfiguration(options.config, process.env, { needsImages: false });
  const references = options.references.map((reference) => ({
    ...reference,
    repository: findRepository(configuration, reference),
  }));
  const agents = createStoreAgents(readProxies(process.env));
  // Until then a signal ends the process as signals do.
  const { signal: never } = new AbortController();
  const store = await openReadable(options.config, configuration, agents, {
    isDry: false,
    signal: never,
  });
  const progress = new Progress(process.stderr, commandLine);
  const signal = stopOnce(progress);
  const tally = new Tally();
  const environment = { store, log: progress, signal, tally, createHash: createCollectingHash() };
  let writer: LayoutWriter | undefined;
  let result: ExportResult;
  try {
    writer = await (options.to.endsWith('.tar') ? writeTar(options.to) : writeFolder(options.to));
    progress.start(tally);
    // A store that hangs does not keep an interrupted export from being cleared away.
    result = await Promise.race([exportImages(environment, references, writer), aborted(signal)]);
    if (result.failures.length === 0) await writer.finish();
    else await writer.abandon();
  } catch (error) {
    await writer?.abandon();
    if (!(signal.aborted || isFileError(error))) throw error;
    progress.stop();
    const reason = signal.aborted ? 'interrupted' : `it cannot be written (${codeOf(error)})`;
    progress.fail(`  ${options.to}: ${reason}. Nothing is left of it.`);
    // What was asked of the store and is not wanted any more must not keep the process.
    if (signal.aborted) process.exit(1);
    return 1;
  }
  progress.stop();
  report(result, options, progress, commandLine);
  return result.failures.length === 0 ? 0 : 1;
}

function report(
  result: ExportResult,
  { to, json }: ExportOptions,
  progress: Progress,
  commandLine: CommandLine,
): void {
  const { images, failures, manifests, blobs, bytes } = result;
  const isWritten = failures.length === 0;
  for (const failure of failures) progress.fail(`  ${failure}`);
  if (!isWritten) progress.info(`${to} was not written, because an incomplete layout cannot be relied on.`);
  if (json) {
    printJson({ to: isWritten ? to : null, ...result }, commandLine);
  } else if (isWritten) {
    const { good, faint } = styleFor(process.stdout);
    const describe = (shown: { readonly images: ExportResult['images']; readonly to: string }): string => {
      const rows = shown.images.map(
        ({ image, digest }) => `${good('exported')} ${faint(shortDigest(digest))}  ${image}`,
      );
      const sum = `${shown.to}: ${manifests} manifests · ${blobs} blobs · ${formatBytes(bytes)}`;
      return [...rows, sum].join('\n');
    };
    printResult({ images, to }, describe, commandLine);
  }
}

/** @throws the signal's reason, when it is aborted */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A second signal ends the process as signals do. */
function stopOnce(progress: Progress): AbortSignal {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    progress.info(`${name}: stopping; removing the partial layout. A second signal stops at once.`);
    stop.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return stop.signal;
}

/** A full disk and the like. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
