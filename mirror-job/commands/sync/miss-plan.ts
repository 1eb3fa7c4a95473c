/** `plan --misses`: proposes entries for the images that an edge was asked for and the configuration does not select. */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { brief, printable } from '../../../core/printable.ts';
import { loadConfiguration } from '../../configuration/load.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { countOf } from '../../engine/support/count-of.ts';
import { readMissLog, type MissLog } from '../../misses/miss-log.ts';
import { propose } from '../../misses/proposal.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import type { Session } from '../../terminal/io.ts';
import { describeProposal, notesOn } from '../../terminal/proposal-text.ts';
import { printJson, printResult } from '../../terminal/result.ts';
import { styleFor } from '../../terminal/style.ts';

export interface MissPlanOptions {
  readonly config: string;
  /** The file with the edge's log; `-` for standard input. */
  readonly misses: string;
  /** Prints the proposal as JSON, instead of a table and YAML. */
  readonly json: boolean;
}

const ADVICE =
  'Save a log with "npx wrangler tail --format json -c wrangler.deploy.toml > edge.log", or export it from Workers Logs.';

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: `there is no such file. ${ADVICE}`,
  EISDIR: 'this is a directory. Name a file in it, or use "cat DIRECTORY/*" and --misses - for all of them.',
  EACCES: 'this user may not read it. Give this user the right to, or use --misses - and another user.',
};

/**
 * Reads the configuration and the log, and nothing else: no upstream and no store is asked.
 * @returns the exit code 0, also if there is nothing to propose
 * @throws {UsageError} for a log that cannot be read, or is not an edge's
 * @throws {ConfigurationError}
 */
export async function planMisses(
  { config, misses, json }: MissPlanOptions,
  session: Session,
): Promise<number> {
  const { cwd, env, stdout, stderr } = session;
  const configuration = await loadConfiguration(config, env, { needsImages: false, cwd });
  const log = await readLog(misses, session);
  const proposal = propose(log.images, configuration);
  const { entries, selected, onDemand } = proposal;
  if (json) {
    printJson({ proposed: entries, selected, onDemand, unreadable: log.unreadable }, session);
  } else if (entries.length === 0) {
    stdout.write(`Nothing to propose: ${whyNothing(log)}\n`);
  } else {
    const style = styleFor(stdout, env);
    printResult(proposal, (shown) => describeProposal(shown, style), session);
  }
  for (const note of notesOn(log, proposal)) stderr.write(`${printable(brief(note))}\n`);
  return 0;
}

/** @throws {UsageError} */
async function readLog(file: string, { cwd, stdin }: Session): Promise<MissLog> {
  let log: MissLog;
  try {
    log = await readMissLog(file === '-' ? stdin() : createReadStream(resolve(cwd, file)));
  } catch (error) {
    const code = errorCode(error);
    throw new UsageError(`--misses ${file}: ${UNREADABLE[code] ?? `it cannot be read (${code}).`}`, {
      cause: error,
    });
  }
  if (log.requests === 0 && log.images.length === 0 && log.unreadable === 0) {
    throw new UsageError(
      `--misses ${file}: it has no line of an edge's log. ${ADVICE} Unpack an export that is compressed: "gunzip -c FILE" and --misses -.`,
    );
  }
  return log;
}

function whyNothing({ images, requests, unreadable }: MissLog): string {
  if (images.length > 0) return 'the configuration has every image that was missed, or a run brings it.';
  return unreadable > 0
    ? 'no value of "miss" in the log is the reference of an image.'
    : `the log has ${countOf(requests, 'request')}, and no miss. An edge of an earlier release logs none: deploy it anew.`;
}
