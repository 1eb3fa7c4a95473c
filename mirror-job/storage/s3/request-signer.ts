/**
 * Signs the requests for objects with the AWS SDK's own signer, which is loaded without the rest of the SDK.
 * docs/decisions/0116-one-signer.md
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only with temporary keys. */
  readonly sessionToken?: string | undefined;
}

export interface SignableRequest {
  readonly method: string;
  readonly origin: URL;
  /** As it is sent: encoded once, as `encodePath` does. */
  readonly path: string;
  /** Not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names without `host`. All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** The hexadecimal SHA-256 of the body. */
  readonly bodyHash: string;
}

export class RequestSigner {
  readonly #signer: SignatureV4;

  /** @param keys asked for each request, because temporary keys change */
  constructor(region: string, keys: () => Keys | Promise<Keys>) {
    this.#signer = new SignatureV4({
      service: 's3',
      region,
      credentials: async () => {
        const { accessKeyId, secretAccessKey, sessionToken } = await keys();
        return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
      },
      sha256: Sha256,
      // S3 alone signs a path as it is sent. Other services encode it once more.
      uriEscapePath: false,
    });
  }

  /** @returns the headers to send, with those of the signature. @throws what `keys` throws */
  async sign(
    { method, origin, path, query, headers, bodyHash }: SignableRequest,
    at: Date,
  ): Promise<Record<string, string>> {
    const { protocol, hostname, host } = origin;
    const signed = await this.#signer.sign(
      {
        method,
        protocol,
        hostname,
        path,
        query: { ...query },
        headers: { ...headers, host, 'x-amz-content-sha256': bodyHash },
      },
      { signingDate: at },
    );
    return signed.headers;
  }
}

/** SHA-256, or its HMAC with a secret, for the signer. The SDK's own one would load more of the SDK. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytesOf(secret: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof secret === 'string') return secret;
  return ArrayBuffer.isView(secret)
    ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    : new Uint8Array(secret);
}

/** @returns the SHA-256 in hexadecimal */
export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
