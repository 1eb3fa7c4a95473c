/** One multipart upload that goes to several stores, each of which has an upload of its own for it. */
import { UploadLostError, type Upload } from '../store/store.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import { writeInOrder } from './write-order.ts';

export class ReplicatedUpload implements Upload {
  readonly #replicas: ReplicaSet;
  readonly #key: string;
  readonly #uploads = new Map<Replica, Upload>();
  /** The replicas whose uploads are gone, because somebody else completed the same blob there. */
  readonly #lost = new Set<Replica>();
  /** By the number of a part. */
  readonly #partBytes = new Map<number, number>();
  #isEnded = false;

  private constructor(replicas: ReplicaSet, key: string) {
    this.#replicas = replicas;
    this.#key = key;
  }

  /** @throws {StoreError} when the last store fails too */
  static async begin(replicas: ReplicaSet, key: string, contentType: string): Promise<ReplicatedUpload> {
    const upload = new ReplicatedUpload(replicas, key);
    await writeInOrder(replicas, async (replica) => {
      upload.#uploads.set(replica, await replica.store.beginUpload(key, contentType));
    });
    return upload;
  }

  async putPart(number: number, bytes: Uint8Array): Promise<void> {
    if (this.#isEnded) throw this.#lostError(this.#replicas.lead);
    // Before any store gets the part: if an upload is lost, the size is all that is known of the blob.
    this.#partBytes.set(number, bytes.length);
    await this.#replicas.publishStatus();
    // All are awaited, because all read the same bytes, and the caller overwrites these when this returns.
    const sent = await Promise.allSettled(
      this.#replicas.live.map((replica) => this.#unlessLost(replica, (own) => own.putPart(number, bytes))),
    );
    for (const one of sent) if (one.status === 'rejected') throw one.reason;
  }

  async complete(): Promise<void> {
    if (this.#isEnded) throw this.#lostError(this.#replicas.lead);
    await writeInOrder(this.#replicas, async (replica) => {
      await this.#unlessLost(replica, (own) => own.complete());
      // Another run may have completed the same blob meanwhile, which cleared this upload. If not, the store lacks the blob.
      if (this.#lost.has(replica) && (await replica.store.size(this.#key)) !== this.#size) {
        throw this.#lostError(replica);
      }
    });
    this.#isEnded = true;
  }

  async abort(): Promise<void> {
    this.#isEnded = true;
    for (const replica of this.#replicas.live) {
      const own = this.#uploads.get(replica);
      if (own !== undefined) await this.#replicas.attempt(replica, () => own.abort());
    }
  }

  /** If the upload is lost in one store, the others go on; `complete` looks whether that store has the blob. */
  async #unlessLost(replica: Replica, call: (own: Upload) => Promise<void>): Promise<void> {
    const own = this.#uploads.get(replica);
    if (own === undefined || this.#lost.has(replica)) return;
    await this.#replicas.attempt(replica, async () => {
      try {
        await call(own);
      } catch (error) {
        if (!(error instanceof UploadLostError)) throw error;
        this.#lost.add(replica);
      }
    });
  }

  #lostError({ store }: Replica): UploadLostError {
    return new UploadLostError(`${store.name}: the upload to ${this.#key} is not there any more.`);
  }

  /** The bytes of all parts so far. */
  get #size(): number {
    return [...this.#partBytes.values()].reduce((sum, size) => sum + size, 0);
  }
}
