/** The store that the Worker is bound to: a bucket of R2 by a binding, or another provider's by S3's variables. */
import { ConfigurationError, type Problem } from '../configuration/configuration-error.ts';
import type { Store } from '../engine/store/store.ts';
import { fetchS3Connection } from '../runtime/workers/s3-connection.ts';
import { R2Store } from '../storage/r2/r2-store.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import type { JobBindings } from './bindings.ts';

const REQUIRED = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** @throws {ConfigurationError} without a binding, for each variable that is missing */
export function boundStore(bindings: JobBindings): Store {
  const { BUCKET, S3_PREFIX = '', S3_REGION = 'auto' } = bindings;
  const folder = S3_PREFIX.replaceAll(/^\/+|\/+$/g, '');
  const prefix = folder === '' ? '' : `${folder}/`;
  if (BUCKET !== undefined) return new R2Store({ binding: BUCKET, bound: 'BUCKET', prefix });
  const problems = REQUIRED.filter((name) => (bindings[name] ?? '') === '').map((name): Problem => ({
    line: undefined,
    key: name,
    message: `it is not set. Bind a bucket of R2 as BUCKET, or set this variable of the Worker, as for the edge.`,
  }));
  if (problems.length > 0) throw new ConfigurationError('mirror-job/wrangler.deploy.toml', problems);
  const { S3_ENDPOINT, S3_BUCKET = '', S3_ACCESS_KEY_ID = '', S3_SECRET_ACCESS_KEY = '' } = bindings;
  return new S3Store(
    {
      endpoint: S3_ENDPOINT,
      bucket: S3_BUCKET,
      region: S3_REGION,
      prefix,
      pathStyle: true,
      credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
    },
    fetchS3Connection,
  );
}
