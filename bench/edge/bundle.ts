/** Builds the bundle with wrangler, as for a deployment, so that it can be measured and run. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { unstable_readConfig } from 'wrangler';
import { runProgram } from '../../test/support/process.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import type { Runtime } from './workerd.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
/** The configuration that people copy to deploy. */
const DEPLOYED = join(PROJECT, 'wrangler.deploy.example.toml');
const WRANGLER = join(PROJECT, 'node_modules/.bin/wrangler');
const ENVIRONMENT = { WRANGLER_WRITE_LOGS: 'false', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };

export interface Bundle {
  readonly file: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly runtime: Runtime;
}

/** @throws with wrangler's output if it cannot build the bundle */
export async function buildBundle(folder: string): Promise<Bundle> {
  await wrangler(['deploy', '--dry-run', '--config', DEPLOYED, '--outdir', folder]);
  const file = join(folder, 'index.js');
  const bytes = await readFile(file);
  const { compatibility_date: compatibilityDate = '', compatibility_flags: compatibilityFlags } =
    unstable_readConfig({ config: DEPLOYED }, { hideWarnings: true });
  return {
    file,
    bytes: bytes.length,
    gzipBytes: gzipSync(bytes).length,
    runtime: { compatibilityDate, compatibilityFlags },
  };
}

/** Measures the active CPU time, in milliseconds, that `wrangler check startup` samples while the Worker starts. */
export async function measureStartup(folder: string, rounds: number): Promise<Spread> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await profileStartup(folder));
  return spreadOf(times);
}

async function profileStartup(folder: string): Promise<number> {
  const profile = join(folder, 'startup.cpuprofile');
  const output = await wrangler(['check', 'startup', '--outfile', profile, `--args=--config ${DEPLOYED}`]);
  const [, milliseconds] = /Active: ([\d.]+) ms/.exec(output) ?? [];
  if (milliseconds === undefined) throw new Error(`wrangler check startup told no time:\n${output}`);
  return Number(milliseconds);
}

async function wrangler(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(WRANGLER, args, { cwd: PROJECT, env: ENVIRONMENT });
  if (code !== 0) throw new Error(`wrangler ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
