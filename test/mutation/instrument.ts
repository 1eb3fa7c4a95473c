/** Puts Stryker's mutants into the sources while Vite loads them. Nothing is written to the disk. */
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInstrumenter } from '@stryker-mutator/instrumenter';
import { createInjector } from 'typed-inject';
import type { Plugin } from 'vitest/config';
import { ROOT } from '../core/imports.ts';

export interface Mutant {
  readonly id: string;
  /** The path from the repository's root. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: string;
  readonly original: string;
  readonly replacement: string;
}

export interface Instrumented {
  /** All mutants but those that a `// Stryker disable` comment excludes. */
  readonly mutants: readonly Mutant[];
  /** Makes Vite load the instrumented sources. */
  readonly plugin: Plugin;
}

const quiet = (): void => undefined;
const LOGGER = {
  isTraceEnabled: () => false,
  isDebugEnabled: () => false,
  isInfoEnabled: () => false,
  isWarnEnabled: () => false,
  isErrorEnabled: () => false,
  isFatalEnabled: () => false,
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
  fatal: quiet,
};

/** @param sources are paths from the repository's root */
export async function instrument(sources: readonly string[]): Promise<Instrumented> {
  const files = await Promise.all(
    sources.map(async (source) => {
      const name = join(ROOT, source);
      return { name, mutate: true, content: await readFile(name, 'utf8') };
    }),
  );
  const instrumenter = createInjector()
    .provideValue('logger', LOGGER)
    .provideValue('getLogger', () => LOGGER)
    .injectFunction(createInstrumenter);
  const result = await instrumenter.instrument(files, {
    plugins: null,
    excludedMutations: [],
    ignorers: [],
    noHeader: false,
  });
  const contents = new Map(files.map(({ name, content }) => [name, content]));
  const mutants = result.mutants
    .filter(({ status }) => status === undefined)
    .map(({ id, fileName, location, mutatorName, replacement }) => ({
      id,
      file: relative(ROOT, fileName),
      line: location.start.line + 1,
      column: location.start.column + 1,
      kind: mutatorName,
      original: textAt(contents.get(fileName) ?? '', location),
      replacement: replacement ?? '',
    }));
  const instrumented = new Map(result.files.map(({ name, content }) => [name, content]));
  const plugin: Plugin = {
    name: 'mutants',
    enforce: 'pre',
    load: (id) => instrumented.get(id.split('?', 1)[0] ?? ''),
  };
  return { mutants, plugin };
}

interface Position {
  readonly line: number;
  readonly column: number;
}

function textAt(
  content: string,
  { start, end }: { readonly start: Position; readonly end: Position },
): string {
  const lines = content.split('\n').slice(start.line, end.line + 1);
  const last = lines.length - 1;
  return lines
    .map((line, index) => line.slice(index === 0 ? start.column : 0, index === last ? end.column : undefined))
    .join('\n');
}
