/** Says what of a configuration needs a machine, so that a job that runs as a Worker cannot use it. docs/serverless.md */
import { folderPrefix } from '../../core/layout.ts';
import { formatUpstream } from '../../core/reference.ts';
import type { Configuration } from './configuration.ts';
import { ConfigurationError, type Problem } from './configuration-error.ts';

/** The store of a Worker, as far as the Worker knows it. */
export interface WorkerStore {
  /** The Worker's variable S3_PREFIX. */
  readonly prefix: string | undefined;
  /** The name of its bucket; undefined if it is not known, because a binding does not say it. */
  readonly bucket: string | undefined;
}

/**
 * @param file the configuration's name for messages
 * @throws {ConfigurationError} with every key that a Worker cannot use
 */
export function refuseForWorker(file: string, configuration: Configuration, worker: WorkerStore): void {
  const problems = [...problemsOf(configuration, worker)];
  if (problems.length > 0) throw new ConfigurationError(file, problems);
}

function* problemsOf(
  { images, upstreams, store, laterStores, notify }: Configuration,
  worker: WorkerStore,
): Generator<Problem> {
  const prefix = folderPrefix(worker.prefix ?? '');
  if (store.prefix !== prefix) {
    yield {
      line: store.line,
      key: `${store.key}.prefix`,
      message: `it is "${store.prefix}", and the Worker's variable S3_PREFIX is "${prefix}". Give both the same value.`,
    };
  }
  if (worker.bucket !== undefined && store.bucket !== worker.bucket) {
    yield {
      line: store.line,
      key: `${store.key}.bucket`,
      message: `it is "${store.bucket}", and the Worker would fill "${worker.bucket}". Give both the same value.`,
    };
  }
  if (store.singleWriter) {
    yield {
      line: store.line,
      key: `${store.key}.singleWriter`,
      message:
        'a job in a Worker needs a store with conditional writes, because its steps run side by side. Let a job on a machine fill this one.',
    };
  }
  for (const { source, line, position } of images) {
    if (source.kind !== 'layout') continue;
    yield {
      line,
      key: `images[${position}].source`,
      message:
        'a Worker has no disk, so it cannot mirror from an OCI layout. Let a job on a machine do that.',
    };
  }
  for (const [upstream, { ca, line }] of upstreams) {
    if (ca === undefined) continue;
    yield {
      line,
      key: `upstreams["${formatUpstream(upstream)}"].ca`,
      message:
        'a Worker trusts the usual root certificates alone. Let a job on a machine mirror from this upstream.',
    };
  }
  for (const { ca, key, line } of notify) {
    if (ca === undefined) continue;
    yield {
      line,
      key: `${key}.ca`,
      message:
        'a Worker trusts the usual root certificates alone. Give the address a certificate of one of these.',
    };
  }
  const [second] = laterStores;
  if (second !== undefined) {
    yield {
      line: second.line,
      key: second.key,
      message: 'a job in a Worker fills one store. Let a job on a machine fill several.',
    };
  }
}
