/** Opens the store that the Worker is bound to: a bucket of R2 by a binding, or another provider's by S3's variables. */
import { folderPrefix } from '../../core/layout.ts';
import { ConfigurationError, type Problem } from '../configuration/configuration-error.ts';
import type { Store } from '../engine/store/store.ts';
import { fetchS3Connection } from '../runtime/workers/s3-connection.ts';
import type { R2Binding } from '../storage/r2/r2-binding.ts';
import { R2Store } from '../storage/r2/r2-store.ts';
import { S3Store } from '../storage/s3/s3-store.ts';

/** The bindings that name a store. */
export interface StoreBindings {
  /** A bucket of R2; left out for a store of another provider, which the variables below name. */
  readonly BUCKET?: R2Binding;
  readonly S3_ENDPOINT?: string;
  readonly S3_BUCKET?: string;
  /** `auto` if it is left out. */
  readonly S3_REGION?: string;
  readonly S3_ACCESS_KEY_ID?: string;
  readonly S3_SECRET_ACCESS_KEY?: string;
  /** Whether the bucket is part of the path, and not of the host name: `true`, the default, or `false`. */
  readonly S3_PATH_STYLE?: string;
  /** The folder of the mirror in the bucket; left out for the whole bucket. */
  readonly S3_PREFIX?: string;
}

const REQUIRED = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** @throws {ConfigurationError} without a binding, for each variable that is missing or cannot be used */
export function boundStore(bindings: StoreBindings): Store {
  const prefix = folderPrefix(bindings.S3_PREFIX ?? '');
  const { BUCKET, S3_REGION: region = 'auto', S3_PATH_STYLE: pathStyle = 'true' } = bindings;
  if (BUCKET !== undefined) return new R2Store({ binding: BUCKET, bound: 'BUCKET', prefix });
  const problems = REQUIRED.filter((name) => (bindings[name] ?? '') === '').map((name) =>
    problemWith(name, 'it is not set. Bind a bucket of R2 as BUCKET, or set this variable of the Worker.'),
  );
  const { S3_ENDPOINT = '', S3_BUCKET = '', S3_ACCESS_KEY_ID = '', S3_SECRET_ACCESS_KEY = '' } = bindings;
  if (S3_ENDPOINT !== '' && !(URL.canParse(S3_ENDPOINT) && /^https?:/i.test(S3_ENDPOINT))) {
    problems.push(
      problemWith('S3_ENDPOINT', 'it is not an address, such as https://s3.eu-central-1.amazonaws.com.'),
    );
  }
  if (pathStyle !== 'true' && pathStyle !== 'false') {
    problems.push(problemWith('S3_PATH_STYLE', 'it has to be true or false.'));
  }
  if (problems.length > 0) throw new ConfigurationError('the Worker', problems);
  const credentials = { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY };
  return new S3Store(
    {
      endpoint: S3_ENDPOINT,
      bucket: S3_BUCKET,
      region,
      prefix,
      pathStyle: pathStyle === 'true',
      credentials,
    },
    fetchS3Connection,
  );
}

function problemWith(key: string, message: string): Problem {
  return { line: undefined, key, message };
}
