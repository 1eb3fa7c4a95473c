/** Runs the steps of a composite action as GitHub's runner does: each script from a file, by bash, with the step's variables. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { startProgram, type Program } from './process.ts';

const ACTION = z.object({
  inputs: z.record(
    z.string(),
    z.object({ required: z.boolean().optional(), default: z.string().optional() }),
  ),
  outputs: z.record(z.string(), z.object({ value: z.string() })),
  runs: z.object({
    using: z.literal('composite'),
    steps: z.array(
      z.object({
        name: z.string(),
        id: z.string().optional(),
        if: z.string().optional(),
        shell: z.literal('bash'),
        'working-directory': z.string().optional(),
        env: z.record(z.string(), z.string()).optional(),
        run: z.string(),
      }),
    ),
  }),
});

export interface ActionCall {
  /** The folder of action.yml. */
  readonly action: string;
  readonly workspace: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Is called with each step that has been started. */
  readonly onStep?: (name: string, program: Program) => void;
}

export interface ActionResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** The names of the steps that ran. */
  readonly steps: readonly string[];
}

/** @throws if the action is not composite, lacks an input, or has an expression that this does not know */
export async function runAction(call: ActionCall): Promise<ActionResult> {
  const action = ACTION.parse(parse(await readFile(join(call.action, 'action.yml'), 'utf8')));
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-action-'));
  const files = {
    GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    GITHUB_OUTPUT: join(folder, 'output'),
  };
  for (const file of Object.values(files)) await writeFile(file, '');
  const inputs = Object.entries(action.inputs).map(([name, input]) => {
    const value = call.inputs[name] ?? input.default;
    if (value === undefined) throw new Error(`The action needs the input ${name}.`);
    return [name, value] as const;
  });
  const values = new Map([
    ['github.action_path', call.action],
    ...inputs.map(([name, value]) => [`inputs.${name}`, value] as const),
  ]);
  const evaluate = (text: string) =>
    text.replaceAll(/\$\{\{ (\S+) \}\}/g, (_, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`The expression ${name} is not known here.`);
      return value;
    });
  const result: { code: number | null; stdout: string; stderr: string } = {
    code: 0,
    stdout: '',
    stderr: '',
  };
  const steps: string[] = [];
  try {
    for (const step of action.runs.steps) {
      if (!isWanted(step.if, values)) continue;
      steps.push(step.name);
      const script = join(folder, `${steps.length}.sh`);
      await writeFile(script, evaluate(step.run));
      const own = Object.entries(step.env ?? {}).map(([name, value]) => [name, evaluate(value)]);
      // https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
      const program = await startProgram('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
        cwd: resolve(call.workspace, evaluate(step['working-directory'] ?? '.')),
        env: { ...call.env, ...files, ...Object.fromEntries(own) },
      });
      call.onStep?.(step.name, program);
      result.code = (await program.exited).code;
      result.stdout += program.stdout();
      result.stderr += program.stderr();
      if (result.code !== 0) break;
    }
    const written = (await readFile(files.GITHUB_OUTPUT, 'utf8')).trim().split('\n');
    const outputs = Object.fromEntries(
      written
        .filter((line) => line !== '')
        .map((line) => [line.replace(/=.*/, ''), line.replace(/^[^=]*=/, '')]),
    );
    return { ...result, summary: await readFile(files.GITHUB_STEP_SUMMARY, 'utf8'), outputs, steps };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Knows the one form of a condition that the action has: `inputs.name != 'text'`. */
function isWanted(condition: string | undefined, values: ReadonlyMap<string, string>): boolean {
  if (condition === undefined) return true;
  const [, name = '', text] = /^(inputs\.[\w-]+) != '(.*)'$/.exec(condition) ?? [];
  if (text === undefined) throw new Error(`The condition ${condition} is not known here.`);
  return values.get(name) !== text;
}
