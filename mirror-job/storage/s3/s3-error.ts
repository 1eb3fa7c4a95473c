/** Reads the errors of S3, and puts them into words. */
import { STATUS_CODES } from 'node:http';

/** S3's own code of an error, and the HTTP status. */
export interface Refusal {
  readonly code: string;
  readonly status: number | undefined;
  /** The region of the bucket, if the store says it. */
  readonly region?: string | undefined;
  /** The error's message, and the name of the header that it is about, if the answer names one. */
  readonly text: string;
}

/**
 * The answers of a store that is full. None of them is about access keys, though most are a 403. Codes that usually mean
 * something else count only together with `text`.
 */
const FULL: readonly { readonly code?: string; readonly status?: number; readonly text?: RegExp }[] = [
  { status: 507 }, // XMinioStorageFull (MinIO), InsufficientStorage (versitygw): the disk is full
  { code: 'QuotaExceeded' }, // Ceph, versitygw, NooBaa
  { code: 'ObjectQuotaExceeded' }, // NooBaa: too many objects
  { code: 'XMinioStorageFull' },
  { code: 'XMinioAdminBucketQuotaExceeded' },
  { code: 'storage_cap_exceeded' }, // Backblaze B2's own name of it
  { code: 'AccessDenied', text: /\bcap exceeded\b/i }, // Backblaze B2: storage, transactions, downloads
  { code: 'AccessDenied', text: /\bquota is reached\b/i }, // Garage: bytes, objects
];

export class S3AnswerError extends Error {
  override readonly name = 'S3AnswerError';
  readonly refusal: Refusal;

  /**
   * @param body the body of the answer: XML, or empty
   * @param region the region of the bucket, from a header
   */
  constructor(status: number, body: string, region?: string) {
    const code = /<Code>\s*([\w.]+)\s*<\/Code>/.exec(body)?.[1];
    // A HEAD has no body that could name the error.
    const name = code ?? (STATUS_CODES[status] ?? 'Unknown').replaceAll(' ', '');
    super(`${status} ${name}`);
    this.refusal = {
      code: name,
      status,
      region: /<Region>\s*([\w-]+)\s*<\/Region>/.exec(body)?.[1] ?? region,
      // The rest is left out, because an answer about a signature repeats the request that was signed.
      text: [...body.matchAll(/<(Message|Header|ArgumentName)>([^<]*)</g)].map(([, , one]) => one).join(' '),
    };
  }
}

/** The answer is not as S3 has it. The message says what is wrong with it. */
export class OddAnswerError extends Error {
  override readonly name = 'OddAnswerError';
}

/** Each read gave the body of one version of the object and the ETag of another. */
export class TornReadError extends Error {
  override readonly name = 'TornReadError';
}

/**
 * @returns the store's answer in an error of this client or of the SDK; undefined if there was no answer. The SDK's error
 *   class is not used, because it would load the rest of the SDK
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof S3AnswerError) return error.refusal;
  if (!(error instanceof Error) || !('$metadata' in error) || !('$fault' in error)) return undefined;
  const metadata = error.$metadata;
  const status =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
      ? metadata.httpStatusCode
      : undefined;
  return { code: error.name, status: typeof status === 'number' ? status : undefined, text: error.message };
}

export function isCalled(error: unknown, code: string): boolean {
  return refusalOf(error)?.code === code;
}

/** Whether the store answers that there is no bucket of that name, or can be none: the configuration is wrong then. */
export function isWithoutBucket(error: unknown): boolean {
  return isCalled(error, 'NoSuchBucket') || isCalled(error, 'InvalidBucketName');
}

export function statusOf(error: unknown): number | undefined {
  return refusalOf(error)?.status;
}

/**
 * Tells whether a write was refused because it had a condition at all: with 501 at Backblaze B2, with 400 and the same
 * code at Aliyun, or with any refusal that names the header.
 * @returns the answer, such as `501 NotImplemented`; undefined for any other failure
 */
export function refusalOfConditions(error: unknown): string | undefined {
  const { code, status, text } = refusalOf(error) ?? {};
  if (status === undefined || text === undefined) return undefined;
  const isRefused =
    status === 501 || code === 'NotImplemented' || (status === 400 && /\bIf-(?:None-)?Match\b/i.test(text));
  return isRefused ? `${status} ${code}` : undefined;
}

/** @returns whether the store is full */
export function isFull(error: unknown): boolean {
  const refusal = refusalOf(error);
  if (refusal === undefined) return false;
  const { code, status, text } = refusal;
  return FULL.some(
    (known) =>
      (known.code === undefined || known.code === code) &&
      (known.status === undefined || known.status === status) &&
      (known.text === undefined || known.text.test(text)),
  );
}

/** @returns what went wrong, with the next step if the configuration is the cause. It has no headers and no keys */
export function explain(error: unknown): string {
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    const { code, status, region } = refusal;
    if (isFull(error)) {
      return `its quota, a cap or its disk is used up (${code}). Make room, or raise the limit at the provider; the objects that are already stored stay.`;
    }
    switch (code) {
      case 'NoSuchBucket':
        return 'there is no such bucket. Create it, or correct store.bucket.';
      case 'InvalidBucketName':
        return 'this is not a name that a bucket can have. Correct store.bucket.';
      case 'AuthorizationHeaderMalformed':
        if (region !== undefined) return elsewhere(region, code);
        return `the keys are not accepted (${code}). Check store.region and store.accessKeyId.`;
      case 'PermanentRedirect':
        if (region !== undefined) return elsewhere(region, code);
        return `the bucket is in another place (${code}). Check store.region and store.endpoint.`;
      case 'InvalidAccessKeyId':
      case 'SignatureDoesNotMatch':
        return `the keys are not accepted (${code}). Check store.accessKeyId, store.secretAccessKey and store.region.`;
      default:
        if (status === 401) {
          return `the keys are not accepted (${code}). Check store.accessKeyId and store.secretAccessKey.`;
        }
        if (status === 403) {
          return `access is denied (${code}). The job's key has to read, list and write this bucket.`;
        }
        // S3 names each 404 by a code of its own, so this one is from a proxy, a web server, or a wrong path.
        if (code === 'NotFound') {
          return `${status} ${code}, which is no answer of S3’s. Check store.endpoint and store.bucket.`;
        }
        return `${status ?? 'no status'} ${code}.`;
    }
  }
  if (!(error instanceof Error)) return String(error);
  if (error instanceof OddAnswerError) return `${error.message}. The store does not speak S3 as it should.`;
  if (error instanceof TornReadError) {
    return 'the body and the ETag belonged to two versions of the object, five times in a row. Nothing is written over the object. If no other run is at work, copy the object onto itself with another S3 client, which gives it a new ETag, and see docs/providers.md.';
  }
  if (error.name === 'CredentialsProviderError') {
    return 'no keys were found. Set store.accessKeyId and store.secretAccessKey, or what the AWS SDK reads (AWS_ACCESS_KEY_ID, a profile, a role).';
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `it does not answer (${code}). Check store.endpoint.`;
}

function elsewhere(region: string, code: string): string {
  return `the bucket is in the region ${region} (${code}). Correct store.region.`;
}
