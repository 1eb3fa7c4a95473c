/** Does the steps of a plan, one after the other. Whatever stops it, the next call finds what is done and goes on. */
import { link, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DeployStep } from './plan.ts';
import type { MissingSecret } from './secrets.ts';
import { StoppedError, type Wrangler } from './wrangler.ts';

export interface PerformOptions {
  readonly wrangler: Wrangler;
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** The value of each secret. */
  readonly valueOf: (secret: MissingSecret) => string;
  /** Called before each step. */
  readonly say: (step: DeployStep, position: number) => void;
}

/** @throws {WranglerError} for a step that failed, {StoppedError}, and errors of the file system */
export async function perform(steps: readonly DeployStep[], options: PerformOptions): Promise<void> {
  const { wrangler, cwd, signal, valueOf, say } = options;
  for (const [index, step] of steps.entries()) {
    if (signal.aborted) throw new StoppedError();
    say(step, index + 1);
    const { act } = step;
    if (act.kind === 'file') await writeNew(resolve(cwd, act.file), act.text);
    else await wrangler.run(act.args, act.secrets ? inputOf(act.secrets, valueOf) : act.input);
  }
}

/** Wrangler reads JSON on standard input, so that no value is in a file, in an argument, or expanded as in a shell. */
function inputOf(secrets: readonly MissingSecret[], valueOf: (secret: MissingSecret) => string): string {
  return JSON.stringify(Object.fromEntries(secrets.map((secret) => [secret.name, valueOf(secret)])));
}

/** Writes a whole file, and never over another one. */
async function writeNew(file: string, text: string): Promise<void> {
  const whole = `${file}.${process.pid}.new`;
  try {
    await writeFile(whole, text);
    await link(whole, file);
  } finally {
    await rm(whole, { force: true });
  }
}
