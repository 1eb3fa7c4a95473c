/** SHA-256 and its HMAC for the signer, by what the runtime has built in. */

type Source = string | ArrayBuffer | ArrayBufferView;

const encoder = new TextEncoder();

export class SigningHash {
  readonly #secret: Uint8Array<ArrayBuffer> | undefined;
  #chunks: Uint8Array<ArrayBuffer>[] = [];

  constructor(secret?: Source) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
  }

  update(chunk: Source): void {
    this.#chunks.push(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array<ArrayBuffer>> {
    const data = new Uint8Array(await new Blob(this.#chunks).arrayBuffer());
    if (this.#secret === undefined) return new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', this.#secret, algorithm, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, data));
  }

  reset(): void {
    this.#chunks = [];
  }
}

function bytesOf(source: Source): Uint8Array<ArrayBuffer> {
  if (typeof source === 'string') return new Uint8Array(encoder.encode(source));
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
}
