/** Runs `lifeboat clients --check --probe` on a node, which a sandbox stands for. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { MAIN } from './mirrored-app.ts';
import type { Sandbox } from './sandbox.ts';

interface Probe {
  /** The runtime that the test is about: `containerd, by CRI`. */
  readonly runtime: string;
  /** The path of the program by which it is told to pull. No other one is found, so no other runtime is told. */
  readonly program: string;
  readonly edge: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of the command. */
  readonly args?: readonly string[];
}

export interface Probed {
  /** `by tag: yes`. */
  readonly probes: readonly string[];
  /** The runtime's reasons for pulls that failed. */
  readonly reasons: readonly string[];
}

/** @param run starts a program of the node */
export async function probe(
  run: Sandbox['run'],
  { runtime, program, edge, env = {}, args = [] }: Probe,
): Promise<Probed> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-path-'));
  try {
    await symlink(program, join(folder, basename(program)));
    const options = ['--check', '--probe', '--json', '--edge', edge, '--upstream', 'docker.io', ...args];
    const command = [`PATH=${folder}`, process.execPath, MAIN, 'clients', ...options];
    const { stdout, stderr } = await run('env', command, { env, timeout: 300_000 });
    if (stdout === '') throw new Error(`The probe printed nothing:\n${stderr}`);
    const {
      probes,
    }: { readonly probes: readonly Record<'runtime' | 'by' | 'through' | 'reason', string>[] } =
      JSON.parse(stdout);
    const own = probes.filter((one) => one.runtime === runtime);
    return {
      probes: own.map(({ by, through }) => `by ${by}: ${through}`),
      reasons: own.flatMap(({ reason }) => (reason === '' ? [] : [reason])),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
