/** `deploy`: asks, does the steps, waits for the edge, and has the doctor look at it. */
import { Writable } from 'node:stream';
import { ConfigurationError } from '../../configuration/configuration-error.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { waitForEdge } from '../../deploy/health.ts';
import { perform } from '../../deploy/perform.ts';
import type { DeployPlan } from '../../deploy/plan.ts';
import type { MissingSecret } from '../../deploy/secrets.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import { DEFAULT_CONFIGURATION } from '../../terminal/command-line.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';
import { NoAnswerError } from '../../terminal/prompt.ts';
import type { Deployment, DeployInput } from './deploy-setup.ts';
import { doctor } from '../doctor.ts';

export interface Outcome {
  readonly code: number;
  /** The commands that are left to a person. */
  readonly next: readonly string[];
  /** The doctor's own JSON, if it looked and JSON is wanted. */
  readonly doctor?: unknown;
}

interface RunOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Called before the first step. */
  readonly onBegin: () => void;
}

/** @throws {UsageError} before anything was changed; {WranglerError}, {NoAnswerError} and {StoppedError} */
export async function runDeployment(
  deployment: Deployment,
  input: DeployInput,
  session: Session,
  { signal, progress, onBegin }: RunOptions,
): Promise<Outcome> {
  const { plan, wrangler, secrets, target } = deployment;
  const { steps } = plan;
  if (steps.length > 0) {
    const missing = missingIn(plan, secrets);
    if (input.prompt === undefined && missing.length > 0) throw unknownSecrets(missing);
    if (input.prompt !== undefined) await agree(input.prompt, steps.length);
    for (const { key, name, part } of missing) {
      const value = await input.prompt?.askSecret(`${name} of the ${part} (it is not shown): `);
      if (value === undefined || value === '') throw new NoAnswerError(`${key} got no value.`);
      input.keepSecret(value);
      secrets.set(key, value);
    }
    onBegin();
    await perform(steps, {
      wrangler,
      cwd: session.cwd,
      signal,
      valueOf: ({ key }) => secrets.get(key) ?? '',
      say: ({ verb, what }, position) => progress.info(`[${position}/${steps.length}] ${verb} ${what}`),
    });
  }
  const beginsRun = steps.some(({ verb }) => verb === 'begin');
  const next = (hasDoctorLooked: boolean) => deployment.next({ beginsRun, hasDoctorLooked });
  const { url, parts, store } = target;
  if (url === undefined || !parts.edge || input.waitMs === 0) {
    return { code: 0, next: next(false) };
  }
  progress.info(`waiting for ${url}/healthz`);
  const edge = await waitForEdge(url, {
    proxies: readProxies(session.env),
    signal,
    waitMs: input.waitMs,
    needsStore: deployment.isPrepared || beginsRun || !store.isR2,
    say: (reason) => progress.info(`not yet: ${reason}`),
  });
  if (edge.state === 'late') {
    progress.fail(
      `${url}/healthz: ${edge.why}. Everything is deployed; the same command waits again. A new host name may need longer (--wait), and "npx wrangler tail -c wrangler.deploy.toml" shows what the edge says.`,
    );
    return { code: 1, next: next(false) };
  }
  progress.info(`${url} answers`);
  // Before the end of a first run there is no image that the doctor could pull.
  const hasImages = edge.state === 'live' && !beginsRun;
  const doctorArgs = hasImages ? doctorArguments(deployment) : undefined;
  if (doctorArgs === undefined) return { code: 0, next: next(false) };
  try {
    return { ...(await examine(deployment, doctorArgs, input, session)), next: next(true) };
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigurationError)) throw error;
    progress.fail(`the doctor cannot look at the edge: ${error.message}`);
    return { code: 1, next: next(false) };
  }
}

async function agree(prompt: NonNullable<DeployInput['prompt']>, steps: number): Promise<void> {
  const answer = await prompt.ask(`Do ${steps === 1 ? 'this step' : `these ${steps} steps`}? [y/N] `);
  if (!/^y(?:es)?$/i.test(answer)) throw new NoAnswerError('Nobody agreed.');
}

function missingIn({ steps }: DeployPlan, secrets: ReadonlyMap<string, string>): readonly MissingSecret[] {
  return steps
    .flatMap(({ act }) => (act.kind === 'wrangler' ? (act.secrets ?? []) : []))
    .filter(({ key }, index, all) => !secrets.has(key) && all.findIndex((one) => one.key === key) === index);
}

function unknownSecrets(missing: readonly MissingSecret[]): UsageError {
  return new UsageError(
    'these secrets have no value. Write them into a file, a line KEY=value each, and name it by --secrets FILE:',
    {
      lines: missing.map(({ key, name, part }) => `  ${key}=…    # ${name} of the ${part}`),
    },
  );
}

/** Runs the doctor's own command, so that both say the same. */
async function examine(
  { target: { url = '' }, configuration, environment }: Deployment,
  args: readonly string[],
  { json }: DeployInput,
  session: Session,
): Promise<Pick<Outcome, 'code' | 'doctor'>> {
  const tokenFile = configuration.edge?.tokenFile;
  const token = tokenFile === undefined ? [] : ['--token-file', tokenFile];
  if (!json) {
    const code = await doctor.run([url, ...args, ...token], { ...session, env: environment });
    session.stdout.write('\n');
    return { code: code === 0 ? 0 : 1 };
  }
  let text = '';
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  const code = await doctor.run([url, ...args, ...token, '--json'], { ...session, env: environment, stdout });
  return { code: code === 0 ? 0 : 1, ...(text !== '' && { doctor: JSON.parse(text) as unknown }) };
}

/**
 * The doctor needs all variables of a configuration that is named, and finds the default one by itself.
 * @returns undefined if it would read another configuration than this command
 */
function doctorArguments({
  target: { configurationFile },
  isEnvironmentComplete,
}: Deployment): readonly string[] | undefined {
  if (isEnvironmentComplete) return ['-c', configurationFile];
  return configurationFile === DEFAULT_CONFIGURATION ? [] : undefined;
}
