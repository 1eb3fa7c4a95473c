/** Decides what is left to do: what is wanted, less what is there. Pure, so that it can be shown before anything is touched. */
import { CONFIGURATION_KEY, deploymentKey } from '../../core/layout.ts';
import type { FoundBucket, FoundWorker } from './found.ts';
import { RUN_WORKFLOW } from './job-file.ts';
import { keyInFile, type MissingSecret, type Part } from './secrets.ts';
import type { Target } from './target.ts';

/** A Worker that is to be deployed. */
export interface WorkerPlan {
  readonly part: Part;
  /** Its name at Cloudflare. */
  readonly name: string;
  /** Wrangler's file. */
  readonly file: string;
  readonly text: string;
  /** Whether the file is there. */
  readonly isWritten: boolean;
  /** The fingerprint. */
  readonly tag: string;
  /** The names of its secrets. */
  readonly secrets: readonly string[];
  /** The things that the deployment makes: routes, cron triggers, Workflows. */
  readonly makes: string;
  readonly found: FoundWorker;
}

export interface Found {
  readonly bucket: FoundBucket;
  readonly hasQueue: boolean;
  /** The configuration in the bucket. */
  readonly configuration: string | undefined;
  /** Whether a run has prepared the bucket. Until then the edge answers 503. */
  readonly isPrepared: boolean;
}

export interface Wanted {
  readonly target: Target;
  readonly workers: readonly WorkerPlan[];
  readonly queue: string | undefined;
  /** The text of the configuration. */
  readonly configuration: string;
}

/** One thing to do. Each can be done again without harm, and is left out once it is done. */
export interface DeployStep {
  readonly verb: 'create' | 'write' | 'put' | 'set' | 'deploy' | 'begin';
  readonly what: string;
  readonly act:
    | { readonly kind: 'file'; readonly file: string; readonly text: string }
    | {
        readonly kind: 'wrangler';
        readonly args: readonly string[];
        /** The secrets that standard input has. */
        readonly secrets?: readonly MissingSecret[];
        /** The text for standard input otherwise. */
        readonly input?: string;
      };
}

export interface DeployPlan {
  /** The names of the things that are there and stay as they are. */
  readonly present: readonly string[];
  readonly steps: readonly DeployStep[];
}

export function planDeployment(wanted: Wanted, found: Found): DeployPlan {
  const present: string[] = [];
  const steps: DeployStep[] = [];
  const add = (isThere: boolean, name: string, step: () => DeployStep) => {
    if (isThere) present.push(name);
    else steps.push(step());
  };
  const { target, workers, queue } = wanted;
  const { store, parts } = target;
  for (const { file, text, isWritten } of workers) {
    add(isWritten, file, () => ({ verb: 'write', what: file, act: { kind: 'file', file, text } }));
  }
  if (store.isR2) {
    const what = `the R2 bucket ${store.bucket}`;
    add(found.bucket.exists, what, () =>
      commandStep('create', what, ['r2', 'bucket', 'create', store.bucket]),
    );
  }
  if (queue !== undefined) {
    const what = `the Queue ${queue}`;
    add(found.hasQueue, what, () => commandStep('create', what, ['queues', 'create', queue]));
  }
  if (parts.job) {
    const key = `${store.prefix}${CONFIGURATION_KEY}`;
    add(found.configuration === wanted.configuration, `${key} in the bucket`, () =>
      commandStep('put', `${target.configurationFile} into the bucket, as ${key}`, [
        'r2',
        'object',
        'put',
        `${store.bucket}/${key}`,
        '--file',
        target.configurationFile,
        '--content-type',
        'application/yaml',
        '--remote',
      ]),
    );
  }
  for (const worker of workers) addWorker(worker, target, present, steps);
  if (parts.job) {
    const job = workers.find(({ part }) => part === 'job');
    add(found.isPrepared, 'what a first run makes of the bucket', () =>
      commandStep('begin', `the first run, an instance of the Workflow ${RUN_WORKFLOW}`, [
        'workflows',
        'trigger',
        RUN_WORKFLOW,
        '-c',
        job?.file ?? '',
      ]),
    );
  }
  return { present, steps };
}

function addWorker(
  { part, name, file, tag, secrets, makes, found }: WorkerPlan,
  { store }: Target,
  present: string[],
  steps: DeployStep[],
): void {
  const missing = secrets.filter((secret) => !found.secrets.has(secret));
  const kept = secrets.filter((secret) => found.secrets.has(secret));
  if (kept.length > 0) present.push(`the secrets ${kept.join(', ')} of ${name}`);
  if (missing.length > 0) {
    steps.push({
      verb: 'set',
      what: `the secrets ${missing.join(', ')} of ${name}`,
      act: {
        kind: 'wrangler',
        args: ['secret', 'bulk', '-c', file],
        secrets: missing.map((secret) => ({ part, name: secret, key: keyInFile(part, secret) })),
      },
    });
  }
  const what = `the ${part} as the Worker ${name}, with ${makes}`;
  // A new version for secrets has no tag, so a Worker that gets secrets is deployed too. A version gets its tag before its
  // routes and triggers are made, so that only the note says that those are there too.
  if (found.tag === tag && missing.length === 0 && (found.noted === tag || !store.isR2)) {
    present.push(what);
    return;
  }
  steps.push(commandStep('deploy', what, ['deploy', '-c', file, '--tag', tag]));
  if (!store.isR2) return;
  const key = `${store.prefix}${deploymentKey(name)}`;
  const args = [
    'r2',
    'object',
    'put',
    `${store.bucket}/${key}`,
    '--pipe',
    '--content-type',
    'text/plain',
    '--remote',
  ];
  steps.push({
    verb: 'put',
    what: `a note of it into the bucket, as ${key}`,
    act: { kind: 'wrangler', args, input: tag },
  });
}

function commandStep(verb: DeployStep['verb'], what: string, args: readonly string[]): DeployStep {
  return { verb, what, act: { kind: 'wrangler', args } };
}
