/** A repository of an upstream: its tags, and all that they have ever pointed at, in order. */
import type { Digest } from '../support/content.ts';
import type { Content } from './content.ts';

export interface Showing {
  readonly tag: string;
  readonly digest: Digest;
}

export class Upstream {
  readonly path: string;
  readonly content: Content;
  readonly tags = new Map<string, Digest>();
  /** Each time that a tag got a digest. The position in this list is the order. */
  readonly shown: Showing[] = [];
  /** When each tag was deleted for the first time. */
  readonly firstDeletedMs = new Map<string, number>();

  constructor(path: string, content: Content) {
    this.path = path;
    this.content = content;
  }

  get repository(): string {
    return `mirror.test/${this.path}`;
  }

  move(tag: string, digest: Digest): void {
    this.tags.set(tag, digest);
    this.shown.push({ tag, digest });
  }

  delete(tag: string, nowMs: number): void {
    if (this.tags.delete(tag) && !this.firstDeletedMs.has(tag)) this.firstDeletedMs.set(tag, nowMs);
  }

  /** @returns when upstream first and last put the tag at a digest; -1 for never */
  ordersOf(tag: string, digest: Digest): { readonly first: number; readonly last: number } {
    const isIt = (one: Showing): boolean => one.tag === tag && one.digest === digest;
    return { first: this.shown.findIndex(isIt), last: this.shown.findLastIndex(isIt) };
  }

  /** Whether upstream ever put a tag at a digest again after another one. */
  hasGoneBack(tag: string): boolean {
    const digests = this.shown.filter((one) => one.tag === tag).map(({ digest }) => digest);
    return digests.some((digest, index) => index > 0 && digests.slice(0, index).includes(digest));
  }

  isLiar(digest: Digest): boolean {
    return this.content.liars.includes(digest);
  }
}
