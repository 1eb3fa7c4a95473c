/**
 * SHA-256 and HMAC-SHA-256 for the signer of URLs, by the runtime's own cryptography. The one of the SDK has the algorithm in JavaScript
 * beside it, for browsers without it: a third of the code that signs.
 */

/** Texts and keys, as the SDK gives them. */
type Data = string | ArrayBuffer | ArrayBufferView;

const encoder = new TextEncoder();

export class SigningHash {
  readonly #secret: Data | undefined;
  #data: ArrayBuffer | ArrayBufferView = new Uint8Array();

  /** @param secret makes it an HMAC */
  constructor(secret?: Data) {
    this.#secret = secret;
  }

  /** Called once: the signer hashes texts that it has whole. */
  update(data: Data): void {
    this.#data = bytesOf(data);
  }

  async digest(): Promise<Uint8Array> {
    const { subtle } = crypto;
    if (this.#secret === undefined) return new Uint8Array(await subtle.digest('SHA-256', this.#data));
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await subtle.importKey('raw', bytesOf(this.#secret), algorithm, false, ['sign']);
    return new Uint8Array(await subtle.sign('HMAC', key, this.#data));
  }
}

function bytesOf(data: Data): ArrayBuffer | ArrayBufferView {
  return typeof data === 'string' ? encoder.encode(data) : data;
}
