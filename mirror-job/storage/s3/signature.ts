/**
 * AWS Signature Version 4 for one object's request, by Node's own hashes. The SDK's signer does the same and takes as
 * long to load as a small run takes in all: docs/decisions/0009-objects-without-the-sdk.md
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac } from 'node:crypto';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that are lent for a time. */
  readonly sessionToken?: string | undefined;
}

export interface Signable {
  readonly method: string;
  /** As it is sent: encoded once, as `encodePath` does. */
  readonly path: string;
  /** Already encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names, `host` among them; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** The hexadecimal SHA-256 of the body. */
  readonly bodyHash: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

export class Signer {
  readonly #region: string;
  /** A signing key is a day's. */
  #kept: { readonly name: string; readonly key: Buffer } | undefined;

  constructor(region: string) {
    this.#region = region;
  }

  /** @returns the request's headers, with those of the signature */
  sign({ method, path, query, headers, bodyHash }: Signable, keys: Keys, at: Date): Record<string, string> {
    const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
    const date = time.slice(0, 8);
    const signed: Record<string, string> = {
      ...headers,
      'x-amz-content-sha256': bodyHash,
      'x-amz-date': time,
      ...(keys.sessionToken !== undefined && { 'x-amz-security-token': keys.sessionToken }),
    };
    const names = Object.keys(signed).toSorted();
    const canonical = [
      method,
      path,
      queryOf(query),
      ...names.map((name) => `${name}:${(signed[name] ?? '').trim().replaceAll(/ +/g, ' ')}`),
      '',
      names.join(';'),
      bodyHash,
    ].join('\n');
    const scope = `${date}/${this.#region}/s3/aws4_request`;
    const text = [ALGORITHM, time, scope, sha256(canonical)].join('\n');
    const signature = createHmac('sha256', this.#keyOf(keys, date)).update(text).digest('hex');
    return {
      ...signed,
      authorization: `${ALGORITHM} Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
    };
  }

  #keyOf({ accessKeyId, secretAccessKey }: Keys, date: string): Buffer {
    const name = `${date} ${accessKeyId} ${secretAccessKey}`;
    if (this.#kept?.name !== name) {
      let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
      for (const part of [date, this.#region, 's3', 'aws4_request']) {
        key = createHmac('sha256', key).update(part).digest();
      }
      this.#kept = { name, key };
    }
    return this.#kept.key;
  }
}

/** Hexadecimal. */
export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** As it has to be signed: sorted by name. Empty for none. */
export function queryOf(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .toSorted()
    .map((name) => `${name}=${query[name] ?? ''}`)
    .join('&');
}

/** What S3 leaves as it is in a path; all else is percent-encoded, and only once. */
export function encodePath(path: string): string {
  return path.split('/').map(encodePart).join('/');
}

export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
