/** Prepares the Workers of a deployment: the file of each, as it is or as it is to be written, and what is wrong with it. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { parseWorkerDeployment, secretsOf } from '../configuration/worker-deployment.ts';
import { refuseForWorker } from '../configuration/worker-rules.ts';
import {
  EDGE_EXAMPLE,
  EDGE_FILE,
  edgeProblems,
  edgeSecretsOf,
  parseEdgeDeployment,
  writeEdgeFile,
} from './edge-file.ts';
import { fingerprint } from './fingerprint.ts';
import { JOB_EXAMPLE, JOB_FILE, jobProblems, parseJobDeployment, writeJobFile } from './job-file.ts';
import type { WorkerPlan } from './plan.ts';
import type { Target } from './target.ts';

/** The files of a clone that a deployment is made of. */
export interface CloneFiles {
  readonly edgeExample: string;
  readonly jobExample: string;
  /** Undefined while there is none. */
  readonly edgeFile: string | undefined;
  readonly jobFile: string | undefined;
}

/** @throws an error with the code ENOENT if the folder is no clone */
export async function readClone(root: string): Promise<CloneFiles> {
  const read = (file: string) => readFile(resolve(root, file), 'utf8');
  const readIfThere = (file: string) =>
    read(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  return {
    edgeExample: await read(EDGE_EXAMPLE),
    jobExample: await read(JOB_EXAMPLE),
    edgeFile: await readIfThere(EDGE_FILE),
    jobFile: await readIfThere(JOB_FILE),
  };
}

export type PreparedWorker = Omit<WorkerPlan, 'found'>;

export interface WorkersOptions {
  readonly root: string;
  readonly target: Target;
  readonly configuration: Configuration;
  /** The text of the configuration. */
  readonly text: string;
  readonly clone: CloneFiles;
  /** The address of the bucket's S3 API, if the edge has a key for it; undefined for R2's binding. */
  readonly endpoint: string | undefined;
  /** The command with which wrangler checks the configuration before a deployment of the job. */
  readonly check: string;
}

export interface PreparedWorkers {
  readonly workers: readonly PreparedWorker[];
  readonly queue: string | undefined;
  /** When runs begin. */
  readonly crons: readonly string[];
  readonly streamsBlobs: boolean;
}

/** @throws {ConfigurationError} for a file that exists and is not as the configuration wants it */
export async function prepareWorkers(options: WorkersOptions): Promise<PreparedWorkers> {
  const { root, target, clone } = options;
  const edgeText = clone.edgeFile ?? writeEdgeFile(clone.edgeExample, target, options.endpoint);
  const edge = parseEdgeDeployment(EDGE_FILE, edgeText);
  const jobText = clone.jobFile ?? writeJobFile(clone.jobExample, target, options.check);
  const job = parseJobDeployment(JOB_FILE, jobText);
  const workers: PreparedWorker[] = [];
  if (target.parts.edge) {
    refuse(EDGE_FILE, edgeProblems(edgeText, edge, target));
    workers.push({
      part: 'edge',
      name: edge.name,
      file: EDGE_FILE,
      text: edgeText,
      isWritten: clone.edgeFile !== undefined,
      tag: await fingerprint(root, 'edge', edgeText),
      secrets: edgeSecretsOf(edge),
      makes: `the route ${edge.hosts.join(', ')}`,
    });
  }
  // The edge may be there from an earlier deployment, also if the job alone is deployed now.
  const edgeQueue = target.parts.edge || clone.edgeFile !== undefined ? edge.queue : undefined;
  if (target.parts.job) {
    const deployment = parseWorkerDeployment(JOB_FILE, jobText);
    refuseForWorker(target.configurationFile, options.configuration, deployment);
    refuse(JOB_FILE, jobProblems(job, edgeQueue));
    workers.push({
      part: 'job',
      name: job.name,
      file: JOB_FILE,
      text: jobText,
      isWritten: clone.jobFile !== undefined,
      tag: await fingerprint(root, 'job', jobText),
      secrets: secretsOf(options.text, deployment),
      makes: `the cron trigger ${job.crons.map((cron) => `"${cron}"`).join(', ')} (UTC) and the Workflows ${job.workflows.join(', ')}`,
    });
  }
  const jobQueue = target.parts.job ? job.queue : undefined;
  return {
    workers,
    queue: (target.parts.edge ? edge.queue : undefined) ?? jobQueue,
    crons: target.parts.job ? job.crons : [],
    streamsBlobs: edge.boundBucket !== undefined && (edge.variables['S3_ENDPOINT'] ?? '') === '',
  };
}

function refuse(file: string, problems: ConfigurationError['problems']): void {
  if (problems.length > 0) throw new ConfigurationError(file, problems);
}
