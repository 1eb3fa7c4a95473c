/**
 * The stores that hold the mirror. The first is `S3_…`, or the R2 binding `BUCKET` when `S3_ENDPOINT` is not set. `S3_2_…`
 * to `S3_9_…` are complete copies in another region or with another provider. They are read in that order when one does not
 * answer.
 */
import { folderPrefix } from '../../core/layout.ts';
import { ConfigurationError } from './configuration-error.ts';
import { readBaseUrl, readChoice, readRequired, readText, type Variables } from './variable.ts';

/** The part of an R2 binding that the edge uses. */
export type ReadableBucket = Pick<R2Bucket, 'get'>;

interface Placement {
  /** `S3_PREFIX`: the folder of the mirror in the bucket; ends in a slash unless it is empty. */
  readonly prefix: string;
  /**
   * `PUBLIC_URL`, `S3_2_PUBLIC_URL`, …: the address at which everybody can read the bucket (an R2 custom domain,
   * CloudFront), without the prefix. Clients are redirected there, and nothing is signed.
   */
  readonly publicUrl: string | undefined;
}

export interface S3Configuration extends Placement {
  readonly kind: 's3';
  /** `S3_ENDPOINT`: the URL of an S3 API. It may have a path. */
  readonly endpoint: string;
  /** `S3_BUCKET` */
  readonly bucket: string;
  /** `S3_REGION` (`auto`) */
  readonly region: string;
  /** `S3_PATH_STYLE` (`true`): the bucket is in the path; with `false` it is in the host name. */
  readonly pathStyle: boolean;
  /** `S3_ACCESS_KEY_ID`, a secret. The key needs to get and to list. It must not be able to write. */
  readonly accessKeyId: string;
  /** `S3_SECRET_ACCESS_KEY`, a secret. */
  readonly secretAccessKey: string;
}

export interface R2Configuration extends Placement {
  readonly kind: 'r2';
  readonly bucket: ReadableBucket;
}

export type StoreConfiguration = S3Configuration | R2Configuration;

const FIELDS = [
  'ENDPOINT',
  'BUCKET',
  'REGION',
  'PATH_STYLE',
  'PREFIX',
  'ACCESS_KEY_ID',
  'SECRET_ACCESS_KEY',
] as const;
const LAST = 9;

/** @throws {ConfigurationError} */
export function readStores(variables: Variables): readonly StoreConfiguration[] {
  refuseUnknown(variables);
  const stores: StoreConfiguration[] = [readFirst(variables)];
  for (let number = 2; number <= LAST; number += 1) {
    const start = `S3_${number}_`;
    if (!Object.keys(variables).some((name) => name.startsWith(start))) continue;
    if (stores.length !== number - 1) {
      throw new ConfigurationError(
        `${start}ENDPOINT`,
        `there is no store ${number - 1}; number them without gaps.`,
      );
    }
    stores.push(readS3(variables, start, readBaseUrl(variables, `${start}PUBLIC_URL`)));
  }
  return stores;
}

/** Unknown variables are refused, because a misspelt S3_REGOIN would silently mean the default region. */
function refuseUnknown(variables: Variables): void {
  for (const name of Object.keys(variables)) {
    const [, number, field] = /^S3_(?:([2-9])_)?(.*)$/.exec(name) ?? [];
    if (field === undefined) continue;
    const known = FIELDS.some((one) => one === field) || (number !== undefined && field === 'PUBLIC_URL');
    if (!known) throw new ConfigurationError(name, 'there is no such variable.');
  }
}

function readFirst(variables: Variables): StoreConfiguration {
  const publicUrl = readBaseUrl(variables, 'PUBLIC_URL');
  if (readText(variables, 'S3_ENDPOINT') !== undefined) return readS3(variables, 'S3_', publicUrl);
  const stray = FIELDS.find(
    (field) => field !== 'PREFIX' && readText(variables, `S3_${field}`) !== undefined,
  );
  if (stray !== undefined) {
    throw new ConfigurationError('S3_ENDPOINT', `it is not set, but S3_${stray} is.`);
  }
  const bucket = variables['BUCKET'];
  if (bucket === undefined) {
    throw new ConfigurationError('S3_ENDPOINT', 'it is not set, and there is no R2 binding BUCKET either.');
  }
  if (!isReadableBucket(bucket))
    throw new ConfigurationError('BUCKET', 'it is not the binding of an R2 bucket.');
  return { kind: 'r2', bucket, prefix: readPrefix(variables, 'S3_PREFIX'), publicUrl };
}

function isReadableBucket(value: unknown): value is ReadableBucket {
  return typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function';
}

function readS3(variables: Variables, start: string, publicUrl: string | undefined): S3Configuration {
  const endpoint = readBaseUrl(variables, `${start}ENDPOINT`);
  if (endpoint === undefined) throw new ConfigurationError(`${start}ENDPOINT`, 'it is not set.');
  const bucket = readRequired(variables, `${start}BUCKET`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(bucket)) {
    throw new ConfigurationError(`${start}BUCKET`, 'it is not the name of a bucket.');
  }
  return {
    kind: 's3',
    endpoint,
    bucket,
    region: readText(variables, `${start}REGION`) ?? 'auto',
    pathStyle: readChoice(variables, `${start}PATH_STYLE`, ['true', 'false'], 'true') === 'true',
    prefix: readPrefix(variables, `${start}PREFIX`),
    accessKeyId: readRequired(variables, `${start}ACCESS_KEY_ID`),
    secretAccessKey: readRequired(variables, `${start}SECRET_ACCESS_KEY`),
    publicUrl,
  };
}

function readPrefix(variables: Variables, name: string): string {
  const prefix = folderPrefix(readText(variables, name) ?? '');
  const parts = prefix.split('/').slice(0, -1);
  if (!parts.every((part) => /^[A-Za-z0-9._-]+$/.test(part) && part !== '.' && part !== '..')) {
    throw new ConfigurationError(name, 'it is not a path of letters, digits, ".", "_" and "-".');
  }
  return prefix;
}
