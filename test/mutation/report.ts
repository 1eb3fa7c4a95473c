/** Formats the findings: a score per file, and each mutant that no test notices. */
import type { Mutant } from './instrument.ts';

/** Sets of mutants, by their ids. */
export interface Findings {
  readonly killed: ReadonlySet<string>;
  /** The mutants that a test, or the import of a test file, runs. */
  readonly reached: ReadonlySet<string>;
  /** The mutants that were not tried, because only an import runs them. */
  readonly leftOut: ReadonlySet<string>;
}

export function formatFindings(name: string, mutants: readonly Mutant[], findings: Findings): string {
  const tried = mutants.filter(({ id }) => !findings.leftOut.has(id));
  const files = Map.groupBy(tried, ({ file }) => file);
  const rows = [...files].map(([file, ofFile]) => formatRow(file, ofFile, findings));
  const alive = tried.filter(({ id }) => !findings.killed.has(id));
  return [
    ...rows,
    formatRow(`${name} in all`, tried, findings),
    ...(findings.leftOut.size > 0
      ? [`${findings.leftOut.size} more of code that runs at import were left out.`]
      : []),
    '',
    ...alive.map((mutant) => formatMutant(mutant, findings)),
    '',
  ].join('\n');
}

function formatRow(name: string, mutants: readonly Mutant[], { killed, reached }: Findings): string {
  const dead = mutants.filter(({ id }) => killed.has(id)).length;
  const unreached = mutants.filter(({ id }) => !reached.has(id)).length;
  const score = ((100 * dead) / mutants.length).toFixed(1);
  return `${name.padEnd(40)} ${score.padStart(5)} %  ${dead} of ${mutants.length} killed, ${unreached} not reached`;
}

function formatMutant(
  { id, file, line, column, kind, original, replacement }: Mutant,
  { reached }: Findings,
): string {
  const where = `${file}:${line}:${column} ${kind}${reached.has(id) ? '' : ' (not reached)'}`;
  return `${where}\n  - ${shorten(original)}\n  + ${shorten(replacement)}`;
}

function shorten(code: string): string {
  const line = code.replaceAll(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 160)} …` : line;
}
