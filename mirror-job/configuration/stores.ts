/** Interprets `store` and `stores`: one bucket, or several buckets, each of which is a whole mirror. */
import { folderPrefix } from '../../core/layout.ts';
import type { Configuration, StoreConfiguration } from './configuration.ts';
import type { PathProblem } from './document.ts';
import { formatPath, type LineOf, type Path } from './path.ts';
import type { Problems } from './problems.ts';
import type { ConfigurationFile, StoreFile } from './schema.ts';
import { bucketProblem, endpointProblem, prefixProblem } from './store-address.ts';

export const STORE_MISSING: PathProblem = { path: ['store'], message: 'it is missing.' };

/** It stands for `store` where the file has `stores`, or none of the two. */
const ABSENT: StoreFile = { bucket: 'absent', region: 'absent' };

/** @returns stores, which are valid only if there is no problem */
export function interpretStores(
  { store, stores }: Pick<ConfigurationFile, 'store' | 'stores'>,
  lineOf: LineOf,
  problems: Problems,
): Pick<Configuration, 'store' | 'laterStores'> {
  if (store !== undefined && stores !== undefined) {
    problems.add(
      ['stores'],
      'the configuration has the key store too: list that store here as the first one, or leave one of the two keys out.',
    );
  }
  if (store === undefined && stores === undefined) problems.add(STORE_MISSING.path, STORE_MISSING.message);
  const only = interpretStore(store ?? ABSENT, ['store'], lineOf, problems);
  const [primary = only, ...later] = (stores ?? []).map((one, index) =>
    interpretStore(one, ['stores', index], lineOf, problems),
  );
  for (const [index, one] of later.entries()) {
    const path = ['stores', index + 1];
    if (one.audience !== primary.audience) {
      problems.add(
        [...path, 'audience'],
        `it must be ${primary.audience}, as for the first store, because all stores hold the same images for the same readers.`,
      );
    }
    if ([primary, ...later.slice(0, index)].some((other) => isSameBucket(one, other))) {
      problems.add(path, 'this is the same bucket as a store that is listed before it. Keep one of the two.');
    }
  }
  return { store: primary, laterStores: later };
}

function isSameBucket(one: StoreConfiguration, other: StoreConfiguration): boolean {
  return one.endpoint === other.endpoint && one.bucket === other.bucket && one.prefix === other.prefix;
}

function interpretStore(
  input: StoreFile,
  path: Path,
  lineOf: LineOf,
  problems: Problems,
): StoreConfiguration {
  const { endpoint, bucket, region, prefix = '', accessKeyId, secretAccessKey } = input;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    problems.add(
      path,
      'accessKeyId and secretAccessKey belong together: give both, or neither to use the AWS SDK’s own chain.',
    );
  }
  if (endpoint === undefined && region === undefined) {
    problems.add(path, 'it needs an endpoint or, for AWS, a region.');
  }
  // No part of the endpoint may be secret, because messages show it.
  const wrong = {
    endpoint: endpoint === undefined ? undefined : endpointProblem(endpoint),
    bucket: bucketProblem(bucket),
    prefix: prefixProblem(prefix),
  };
  for (const [key, message] of Object.entries(wrong)) {
    if (message !== undefined) problems.add([...path, key], message);
  }
  return {
    endpoint,
    bucket,
    region: region ?? 'auto',
    prefix: folderPrefix(prefix),
    pathStyle: input.pathStyle ?? endpoint !== undefined,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey },
    audience: input.audience ?? 'public',
    singleWriter: input.singleWriter ?? false,
    line: lineOf(path),
    key: formatPath(path),
  };
}
