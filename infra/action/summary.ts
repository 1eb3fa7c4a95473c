/** Makes the summary of a workflow run, which GitHub shows as Markdown. */

/** GitHub refuses a summary of more than 1 MiB. */
const MAX_LENGTH = 250_000;

const MEANING = new Map([
  [0, 'Done.'],
  [1, 'Some of it failed, or something unexpected was found. The log has the reasons.'],
  [2, 'The configuration or the call cannot be used, and nothing was done. The log has the reason.'],
]);

/**
 * @param results the standard output of the command
 * @returns the results as a block of code, so that nothing in them counts as Markdown
 */
export function summaryOf(command: string, exitCode: number, results: string): string {
  const shown = results.slice(0, MAX_LENGTH);
  const rest = shown === results ? '' : '\n\nThe rest is in the log, because a summary has a limit.';
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const block = shown.trim() === '' ? '' : `\n\n${fence}text\n${shown.trimEnd()}\n${fence}`;
  const meaning = MEANING.get(exitCode) ?? `It ended with exit code ${exitCode}.`;
  return `### lifeboat ${command}\n\n${meaning}${block}${rest}\n`;
}
