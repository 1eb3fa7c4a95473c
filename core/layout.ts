/**
 * The bucket's layout: the one place that names a key. Keys are relative to the store's prefix.
 * What comes from outside has passed a parser (Digest, Repository, Tag), so no key can leave the layout; a run's
 * id and a configuration's name are the job's own.
 */
import { algorithmOf, hexOf, isDigest, type Digest } from './digest.ts';
import type { Repository, Tag } from './reference.ts';

/** Edge and job refuse a bucket of another version. */
export const LAYOUT_VERSION = 1;

export const IDENTITY_KEY = 'lifeboat.json';
export const REPOSITORIES = 'repositories/';
export const BLOBS = 'blobs/';
export const STATE = 'state/';

/**
 * Which of the stores that are filled together are in step, as far as this one was told. It is the bucket's and not
 * one configuration's, for they share blobs; no configuration's name begins with `_`.
 */
export const STORES_KEY = `${STATE}_stores.json`;

/** The bytes of a blob, shared by all repositories. */
export function blobKey(digest: Digest): string {
  return `${BLOBS}${path(digest)}`;
}

/** The digest that a blob's key names, or undefined for another key. */
export function blobOfKey(key: string): Digest | undefined {
  const [, algorithm = '', hex = ''] = /^blobs\/([^/]+)\/([^/]+)$/.exec(key) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** A descriptor that says: this repository has this blob, and it is stored. */
export function blobLinkKey(repository: Repository, digest: Digest): string {
  return `${REPOSITORIES}${repository}/_blobs/${path(digest)}`;
}

export function manifestKey(repository: Repository, digest: Digest): string {
  return `${REPOSITORIES}${repository}/_manifests/${path(digest)}`;
}

/** The prefixes of the repository's objects that are named by a digest and never change: its manifests and blob links. */
export function contentPrefixes(repository: Repository): readonly string[] {
  return [`${REPOSITORIES}${repository}/_manifests/`, `${REPOSITORIES}${repository}/_blobs/`];
}

export function tagKey(repository: Repository, tag: Tag): string {
  return `${tagsPrefix(repository)}${tag}`;
}

/** Before each of a repository's own keys, and of no other's: a part of a name never begins with `_`. */
export function repositoryPrefix(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_`;
}

/** Before each tag's name. */
export function tagsPrefix(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_tags/`;
}

export function tagListKey(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_tags.json`;
}

/** All that refers to the manifest `subject`. */
export function referrersKey(repository: Repository, subject: Digest): string {
  return `${REPOSITORIES}${repository}/_referrers/${path(subject)}`;
}

export function repositoryIndexKey(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_index.json`;
}

export function historyPrefix(repository: Repository, tag: Tag): string {
  return `${historiesPrefix(repository)}${tag}/`;
}

/** Before the records of all tags. */
export function historiesPrefix(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_history/`;
}

/** @param at sorts as text: `20260131T235959.123Z` */
export function historyKey(repository: Repository, tag: Tag, at: Date, run: string): string {
  return `${historyPrefix(repository, tag)}${compactTime(at)}-${run}.json`;
}

type StateFile = 'catalog.json' | 'last-run.json' | 'probe' | 'scrub.json';

/** A file of one configuration's state, by the configuration's `name`. */
export function stateKey(name: string, file: StateFile): string {
  return `${STATE}${name}/${file}`;
}

/** Whether a key is that file of some configuration's state. */
export function isStateKey(key: string, file: StateFile): boolean {
  const [, name = ''] = key.split('/');
  return key === stateKey(name, file);
}

/** `20260131T235959.123Z`: a time as part of a key, and of a run's id. UTC. */
export function compactTime(at: Date): string {
  return at.toISOString().replaceAll(/[-:]/g, '');
}

function path(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}`;
}
