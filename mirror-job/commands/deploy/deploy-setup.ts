/** `deploy`: reads what is wanted and what is there, and makes the plan. Nothing is changed. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CONFIGURATION_KEY, deploymentKey, IDENTITY_KEY } from '../../../core/layout.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { readConfigurationText } from '../../configuration/load.ts';
import { findVariables, unsetOf, withPlaceholders } from '../../configuration/named-variables.ts';
import { parseConfiguration } from '../../configuration/parse.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import type { Environment } from '../../configuration/variable.ts';
import { accountOf } from '../../deploy/account.ts';
import { EDGE_FILE, parseEdgeDeployment } from '../../deploy/edge-file.ts';
import {
  findAccount,
  findBucket,
  findObject,
  findQueue,
  findWorker,
  NO_BUCKET,
  NO_WORKER,
} from '../../deploy/found.ts';
import { JOB_FILE, RUN_WORKFLOW } from '../../deploy/job-file.ts';
import { planDeployment, type DeployPlan, type Found, type WorkerPlan } from '../../deploy/plan.ts';
import { readSecrets } from '../../deploy/secrets.ts';
import { targetOf, type Parts, type Target } from '../../deploy/target.ts';
import { prepareWorkers, readClone, type CloneFiles, type PreparedWorkers } from '../../deploy/workers.ts';
import { Wrangler, WRANGLER_SCRIPT } from '../../deploy/wrangler.ts';
import { DEFAULT_CONFIGURATION, quote } from '../../terminal/command-line.ts';
import type { Session } from '../../terminal/io.ts';
import type { Prompt } from '../../terminal/prompt.ts';

export interface DeployInput {
  readonly configurationFile: string;
  readonly domain: string | undefined;
  readonly parts: Parts;
  readonly secretsFile: string | undefined;
  readonly pullsPerMonth: number | undefined;
  readonly waitMs: number;
  readonly isDryRun: boolean;
  readonly json: boolean;
  /** Undefined if nothing may be asked. */
  readonly prompt: Prompt | undefined;
  /** Remembers a value that no output may have. */
  readonly keepSecret: (value: string) => void;
  readonly secretValues: () => Iterable<string>;
}

export interface Deployment {
  readonly target: Target;
  readonly configuration: Configuration;
  readonly prepared: PreparedWorkers;
  readonly plan: DeployPlan;
  /** Whether a run has prepared the bucket. */
  readonly isPrepared: boolean;
  readonly storedGb: number | undefined;
  readonly wrangler: Wrangler;
  /** The values of secrets, by their names in the file. */
  readonly secrets: Map<string, string>;
  /** The variables for commands that read the configuration; some may not be set. */
  readonly environment: Environment;
  readonly isEnvironmentComplete: boolean;
  /** The commands that are left to a person after the plan. */
  readonly next: (done: Done) => readonly string[];
}

interface Done {
  /** Whether the plan begins a run. */
  readonly beginsRun: boolean;
  readonly hasDoctorLooked: boolean;
}

/** @throws {UsageError}, {ConfigurationError}, {WranglerError}, {NoAnswerError}, and {StoppedError} */
export async function readDeployment(
  input: DeployInput,
  session: Session,
  signal: AbortSignal,
  say: (what: string) => void,
): Promise<Deployment> {
  const { configurationFile, parts, domain, isDryRun } = input;
  const { cwd, env } = session;
  const clone = await readCloneAt(cwd);
  const text = await readConfigurationText(configurationFile, session);
  const secrets = new Map(input.secretsFile === undefined ? [] : await readSecrets(input.secretsFile, cwd));
  for (const value of secrets.values()) input.keepSecret(value);
  const environment = { ...env, ...Object.fromEntries(secrets) };
  const variables = findVariables(text);
  const configuration = parseConfiguration(
    configurationFile,
    text,
    withPlaceholders(variables, environment),
    { needsImages: true, cwd },
  );
  const edgeFile = clone.edgeFile === undefined ? undefined : parseEdgeDeployment(EDGE_FILE, clone.edgeFile);
  const target = targetOf(configuration, {
    configurationFile,
    parts,
    domain,
    deployedHosts: edgeFile?.hosts,
  });
  await askForEdgeKey(input, target, clone, secrets);
  let wrangler = new Wrangler({ script: resolve(cwd, WRANGLER_SCRIPT), cwd, env, signal });
  const chosen = accountOf(target, edgeFile?.accountId, env['CLOUDFLARE_ACCOUNT_ID']);
  let accountId = chosen ?? '<account>';
  if (!isDryRun) {
    say('looking at the account');
    const account = await findAccount(wrangler, chosen);
    say(`it is ${account.name} (${account.id})`);
    accountId = account.id;
    wrangler = wrangler.with({ CLOUDFLARE_ACCOUNT_ID: account.id });
  }
  const prepared = await prepareWorkers({
    root: cwd,
    target,
    configuration,
    text,
    clone,
    endpoint: endpointFor(target, secrets, accountId),
    check: checkCommand(configurationFile),
  });
  const found = isDryRun ? NOTHING : await lookAt(wrangler, target, prepared.queue, say);
  const workers: WorkerPlan[] = [];
  for (const worker of prepared.workers) {
    if (!isDryRun) say(`looking at the Worker ${worker.name}`);
    const named = worker.isWritten ? ['-c', worker.file] : ['--name', worker.name];
    if (isDryRun) {
      workers.push({ ...worker, found: NO_WORKER });
      continue;
    }
    const noteKey = `${target.store.prefix}${deploymentKey(worker.name)}`;
    const noted = found.bucket.exists ? await findObject(wrangler, target.store.bucket, noteKey) : undefined;
    workers.push({ ...worker, found: { ...(await findWorker(wrangler, named)), noted } });
  }
  const plan = planDeployment({ target, workers, queue: prepared.queue, configuration: text }, found);
  return {
    target,
    configuration,
    prepared,
    plan,
    isPrepared: found.isPrepared,
    storedGb: found.bucket.storedGb,
    wrangler,
    secrets,
    environment,
    isEnvironmentComplete: unsetOf(variables, environment).length === 0,
    next: (done) => nextOf(target, found, done, session),
  };
}

const NOTHING: Found = { bucket: NO_BUCKET, hasQueue: false, configuration: undefined, isPrepared: false };

async function readCloneAt(cwd: string): Promise<CloneFiles> {
  try {
    await access(resolve(cwd, WRANGLER_SCRIPT));
    return await readClone(cwd);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
    throw new UsageError(
      `this folder has no ${'path' in error ? String(error.path).replace(`${cwd}/`, '') : 'wrangler'}. Start the command in a clone of Lifeboat, after "npm ci".`,
      { cause: error },
    );
  }
}

async function lookAt(
  wrangler: Wrangler,
  { store, parts }: Target,
  queue: string | undefined,
  say: (what: string) => void,
): Promise<Found> {
  let found = NOTHING;
  if (queue !== undefined) {
    say(`looking at the Queue ${queue}`);
    found = { ...found, hasQueue: await findQueue(wrangler, queue) };
  }
  // The bucket of another provider is not wrangler's. Then the edge alone is deployed, and waits for nothing of the bucket.
  if (!store.isR2) return found;
  say(`looking at the bucket ${store.bucket}`);
  const bucket = await findBucket(wrangler, store.bucket);
  if (!bucket.exists) return { ...found, bucket };
  const get = (key: string) => findObject(wrangler, store.bucket, `${store.prefix}${key}`);
  const isPrepared = (await get(IDENTITY_KEY)) !== undefined;
  return {
    ...found,
    bucket,
    isPrepared,
    configuration: parts.job ? await get(CONFIGURATION_KEY) : undefined,
  };
}

/** A file that exists has decided how the edge reads the bucket. */
async function askForEdgeKey(
  { prompt, parts, keepSecret }: DeployInput,
  { store }: Target,
  { edgeFile }: CloneFiles,
  secrets: Map<string, string>,
): Promise<void> {
  if (prompt === undefined || !parts.edge || !store.isR2 || edgeFile !== undefined) return;
  if (secrets.has('EDGE_S3_ACCESS_KEY_ID')) return;
  const id = await prompt.ask(
    'Press Enter, and blobs stream through the edge. Or make a key of R2 that may read objects of the bucket, at\nhttps://dash.cloudflare.com/?to=/:account/r2/api-tokens, to send clients to R2 for blobs. Its access key ID: ',
  );
  if (id === '') return;
  const secret = await prompt.askSecret('Its secret access key (it is not shown): ');
  keepSecret(secret);
  secrets.set('EDGE_S3_ACCESS_KEY_ID', id);
  secrets.set('EDGE_S3_SECRET_ACCESS_KEY', secret);
}

function endpointFor(
  { store }: Target,
  secrets: ReadonlyMap<string, string>,
  accountId: string,
): string | undefined {
  if (store.isR2) {
    if (!secrets.has('EDGE_S3_ACCESS_KEY_ID')) return undefined;
    return store.endpoint ?? `https://${accountId}.r2.cloudflarestorage.com`;
  }
  return store.endpoint ?? `https://s3.${store.region}.amazonaws.com`;
}

function checkCommand(configurationFile: string): string {
  const option = configurationFile === DEFAULT_CONFIGURATION ? '' : ` -c ${quote(configurationFile)}`;
  return `npx lifeboat check${option} --worker ${JOB_FILE}`;
}

function nextOf(
  { url, parts, store }: Target,
  { isPrepared }: Found,
  { beginsRun, hasDoctorLooked }: Done,
  { commandLine }: Session,
): readonly string[] {
  return [
    ...(beginsRun
      ? [
          `npx wrangler workflows instances list ${RUN_WORKFLOW} -c ${JOB_FILE}    # until the first run has ended`,
        ]
      : []),
    ...(!parts.job && !isPrepared && store.isR2 ? [`${commandLine.for('sync')}    # fills the bucket`] : []),
    ...(url !== undefined && !hasDoctorLooked
      ? [`${commandLine.for(`doctor ${url}`)}    # pulls an image as each client does`]
      : []),
    ...(url === undefined
      ? []
      : [`${commandLine.for(`clients containerd --edge ${url}`)}    # what nodes need, to ask the edge`]),
  ];
}
