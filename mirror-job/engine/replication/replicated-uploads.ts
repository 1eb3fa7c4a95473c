/** One upload that goes to several stores: behind one id stand theirs. */
import type { UploadPart } from '../store/store.ts';

export class SharedUploads<Member> {
  readonly #uploads = new Map<string, SharedUpload<Member>>();
  #begun = 0;

  begin(key: string): SharedUpload<Member> {
    this.#begun += 1;
    const upload = new SharedUpload<Member>(`shared-${this.#begun}`, key);
    this.#uploads.set(upload.id, upload);
    return upload;
  }

  get(id: string): SharedUpload<Member> | undefined {
    return this.#uploads.get(id);
  }

  end({ id }: SharedUpload<Member>): void {
    this.#uploads.delete(id);
  }
}

export class SharedUpload<Member> {
  readonly id: string;
  readonly key: string;
  readonly #ids = new Map<Member, string>();
  readonly #parts = new Map<Member, UploadPart[]>();
  readonly #lost = new Set<Member>();
  readonly #sizes = new Map<number, number>();

  constructor(id: string, key: string) {
    this.id = id;
    this.key = key;
  }

  opened(member: Member, id: string): void {
    this.#ids.set(member, id);
    this.#parts.set(member, []);
  }

  idAt(member: Member): string | undefined {
    return this.#ids.get(member);
  }

  /** Before any store is given it: where the upload is lost, its size is all that is known of the blob. */
  begun(number: number, size: number): void {
    this.#sizes.set(number, size);
  }

  stored(member: Member, part: UploadPart): void {
    this.#parts.get(member)?.push(part);
  }

  /** In order. */
  partsAt(member: Member): UploadPart[] {
    return (this.#parts.get(member) ?? []).toSorted((a, b) => a.number - b.number);
  }

  /** It is gone there: somebody else completed the same blob. */
  lost(member: Member): void {
    this.#lost.add(member);
  }

  isLost(member: Member): boolean {
    return this.#lost.has(member);
  }

  /** Bytes of all parts so far. */
  get size(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }
}
