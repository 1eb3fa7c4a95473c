/**
 * Records everything that users see of a checkout of this project, so that two recordings show whether a change alters it:
 *
 *     node test/support/record/main.ts --tree DIR --out FILE [--only SCENARIO]
 *     node test/support/record/main.ts --compare FILE... FILE
 *
 * docs/testing.md has more. The exit code is 0, or 1 if two recordings differ, or 2 for a mistake on the command line.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { compareRecordings } from './compare.ts';
import { Placeholders } from './placeholders.ts';
import { readRecording, Recorder, type Recording } from './recording.ts';
import { SCENARIOS } from './scenarios.ts';
import { stageOf } from './stage.ts';
import { startBuckets } from './store.ts';

const BUCKETS = 30;
const AT_ONCE = 3;
const USAGE = `Usage: node test/support/record/main.ts --tree DIR --out FILE [--only SCENARIO]
       node test/support/record/main.ts --compare FILE... FILE
Scenarios: ${[...SCENARIOS.keys()].join(', ')}
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tree: { type: 'string' },
      out: { type: 'string' },
      only: { type: 'string' },
      compare: { type: 'boolean' },
    },
  });
  if (values.compare === true && positionals.length >= 2) return compare(positionals);
  const { tree, out, only } = values;
  if (tree === undefined || out === undefined || (only !== undefined && !SCENARIOS.has(only))) {
    process.stderr.write(USAGE);
    return 2;
  }
  await record(resolve(tree), out, only);
  return 0;
}

async function compare(files: readonly string[]): Promise<number> {
  const recordings = await Promise.all(files.map(readRecording));
  const { differences, unstable } = compareRecordings(recordings.slice(0, -1), recordings.at(-1) ?? {});
  for (const difference of differences) process.stdout.write(`${difference}\n\n`);
  const unstableText =
    unstable === 0 ? '' : ` ${unstable} parts were left out: the earlier recordings disagree about them.`;
  process.stdout.write(
    `${differences.length === 0 ? 'No difference.' : `${differences.length} differences.`}${unstableText}\n`,
  );
  return differences.length === 0 ? 0 : 1;
}

/** The scenarios run in parallel. Each has its own registry, buckets and folder. */
async function record(tree: string, out: string, only: string | undefined): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-record-'));
  const placeholders = new Placeholders();
  placeholders.add(tree, '<tree>');
  placeholders.add(root, '<folder>');
  const buckets = await startBuckets(placeholders, BUCKETS);
  const atOnce = pLimit(AT_ONCE);
  try {
    const chosen = [...SCENARIOS].filter(([name]) => only === undefined || name === only);
    const recordings = new Map<string, Recording>();
    const recorders = chosen.map(async ([name, scenario]) =>
      atOnce(async () => {
        const recorder = new Recorder(placeholders, sayBegun);
        try {
          await scenario(stageOf(recorder, tree, buckets, root));
        } catch (error) {
          // The other scenarios have taken minutes, so an error here does not throw their results away.
          recorder.add(`${name}: broken off`, 'error', String(error));
        }
        recordings.set(name, recorder.recording);
        const recording = Object.assign({}, ...chosen.map(([one]) => recordings.get(one)));
        await writeFile(out, `${JSON.stringify(recording, undefined, 1)}\n`);
      }),
    );
    await Promise.all(recorders);
  } finally {
    await buckets.stop();
    await rm(root, { recursive: true, force: true });
  }
}

function sayBegun(step: string): void {
  process.stderr.write(`${(performance.now() / 1000).toFixed(0)} s: ${step}\n`);
}

process.exitCode = await main();
