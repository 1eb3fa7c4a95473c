/** The job's own file for wrangler: writes it, and reads what `lifeboat check` does not need of it. */
import type { Problem } from '../configuration/configuration-error.ts';
import { parseToml } from '../configuration/worker-deployment.ts';
import { QUEUE, type Target } from './target.ts';
import { fillExample, headerFor, toml, uncommented } from './template.ts';
import { listIn, queueIn } from './toml-part.ts';
import { isObject } from '../../core/json.ts';

export const JOB_FILE = 'mirror-job/wrangler.deploy.toml';
export const JOB_EXAMPLE = 'mirror-job/wrangler.deploy.example.toml';
/** The Workflow of a run, as the example names it. */
export const RUN_WORKFLOW = 'lifeboat-run';

export interface JobDeployment {
  readonly name: string;
  readonly crons: readonly string[];
  /** The names of the Workflows. */
  readonly workflows: readonly string[];
  /** The queue of the edge's misses. */
  readonly queue: string | undefined;
}

/** @param check the command that checks the configuration before each deployment */
export function writeJobFile(example: string, { store, hasOnDemand, parts }: Target, check: string): string {
  const linesPart = /^# \[\[queues\.consumers\]\]\n(?:# .*\n?)*/m;
  const [lines = ''] = linesPart.exec(example) ?? [];
  return fillExample(example, headerFor(JOB_FILE, 'the job'), [
    { pattern: /^command = .*$/m, text: `command = ${toml(check)}` },
    { pattern: /^bucket_name = .*$/m, text: `bucket_name = ${toml(store.bucket)}` },
    ...(store.prefix === ''
      ? []
      : [{ pattern: /^# S3_PREFIX = .*$/m, text: `S3_PREFIX = ${toml(store.prefix)}` }]),
    ...(hasOnDemand && parts.edge
      ? [
          { pattern: linesPart, text: uncommented(lines).replace('lifeboat-misses', QUEUE) },
          {
            pattern: /^# onDemand needs the queue(?:.*\n# )*.*$/m,
            text: "# The queue of the edge's misses, which onDemand needs.",
          },
        ]
      : []),
  ]);
}

/** @throws {ConfigurationError} for a text that is not TOML */
export function parseJobDeployment(file: string, text: string): JobDeployment {
  const content = parseToml(file, text);
  const { name, triggers } = content;
  const crons = isObject(triggers) ? listIn(triggers, 'crons') : [];
  return {
    name: typeof name === 'string' ? name : 'lifeboat-job',
    crons: crons.filter((cron) => typeof cron === 'string'),
    workflows: listIn(content, 'workflows')
      .map((workflow) => (isObject(workflow) ? workflow['name'] : undefined))
      .filter((one) => typeof one === 'string'),
    queue: queueIn(content, 'consumers'),
  };
}

/** @returns what of the file does not fit the configuration, beside what `refuseForWorker` says */
export function jobProblems({ queue }: JobDeployment, edgeQueue: string | undefined): readonly Problem[] {
  if (edgeQueue === undefined || queue === edgeQueue) return [];
  const now = queue === undefined ? 'it empties no queue' : `it is "${queue}"`;
  const message = `${now}, and the edge sends its misses to "${edgeQueue}". Write: [[queues.consumers]] with queue = ${toml(edgeQueue)}, and the lines of ${JOB_EXAMPLE} below it`;
  return [{ line: undefined, key: 'queues.consumers', message }];
}
