/**
 * The bucket's layout: the only place that names a key. Keys are relative to the store's prefix. Texts from outside have
 * passed a parser (Digest, Repository, Tag), so no key can leave the layout. A run's id and a configuration's name are the
 * job's own.
 */
import { algorithmOf, hexOf, isDigest, type Digest } from './digest.ts';
import type { Repository, Tag } from './reference.ts';

/** The edge and the job refuse a bucket of another version. */
export const LAYOUT_VERSION = 1;

export const IDENTITY_KEY = 'lifeboat.json';
export const REPOSITORIES = 'repositories/';
export const BLOBS = 'blobs/';
export const STATE = 'state/';

/**
 * Which of the replicas are in step, as far as this one knows. It belongs to the bucket and not to one configuration,
 * because configurations share blobs. No configuration's name begins with `_`.
 */
export const STORES_KEY = `${STATE}_stores.json`;

/** The state of the pruning of this bucket. */
export const PRUNE_KEY = `${STATE}_prune.json`;
/** The prefix of the lists of keys that are condemned. */
export const PRUNE_LISTS = `${STATE}_prune/`;
/** The prefix of the notes of writers, by which a sweep knows that they are at work. */
export const WRITERS = `${STATE}_writers/`;

/** The prefix of the lists of one condemnation. @param generation its id */
export function pruneListsPrefix(generation: string): string {
  return `${PRUNE_LISTS}${generation}/`;
}

/** One part of the list of condemned keys, from 1. @param generation the id of the condemnation */
export function pruneListKey(generation: string, part: number): string {
  return `${pruneListsPrefix(generation)}${String(part).padStart(5, '0')}.json`;
}

/** The note of one writer. @param writer its id */
export function writerKey(writer: string): string {
  return `${WRITERS}${writer}.json`;
}

/** Whether a key is about one of several stores alone, so that it is never copied to another one. */
export function isOfOneStore(key: string): boolean {
  return key === STORES_KEY || key === PRUNE_KEY || key.startsWith(PRUNE_LISTS) || key.startsWith(WRITERS);
}

/**
 * Writes a folder of the bucket as people give it, with or without slashes at its ends.
 * @returns the prefix of all keys: empty for the whole bucket, otherwise with a slash at its end
 */
export function folderPrefix(folder: string): string {
  const trimmed = folder.replaceAll(/^\/+|\/+$/g, '');
  return trimmed === '' ? '' : `${trimmed}/`;
}

/** The bytes of a blob, shared by all repositories. */
export function blobKey(digest: Digest): string {
  return `${BLOBS}${path(digest)}`;
}

/** @returns the digest that a blob's key names; undefined for another key */
export function blobOfKey(key: string): Digest | undefined {
  const [, algorithm = '', hex = ''] = /^blobs\/([^/]+)\/([^/]+)$/.exec(key) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** The key of the descriptor that says that this repository has this blob, and that it is stored. */
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

/** The prefix of all keys of this repository. No other repository's keys have it, because no part of a name begins with `_`. */
export function repositoryPrefix(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_`;
}

/** The prefix of the repository's tags. A tag's key is this prefix and the tag's name. */
export function tagsPrefix(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_tags/`;
}

export function tagListKey(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_tags.json`;
}

/** The key of the list of manifests that refer to `subject`. */
export function referrersKey(repository: Repository, subject: Digest): string {
  return `${REPOSITORIES}${repository}/_referrers/${path(subject)}`;
}

export function repositoryIndexKey(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_index.json`;
}

/** The prefix of a tag's movements. */
export function historyPrefix(repository: Repository, tag: Tag): string {
  return `${historiesPrefix(repository)}${tag}/`;
}

/** The prefix of the movements of all tags. */
export function historiesPrefix(repository: Repository): string {
  return `${REPOSITORIES}${repository}/_history/`;
}

/** @param at becomes a text that sorts by time: `20260131T235959.123Z` */
export function historyKey(repository: Repository, tag: Tag, at: Date, run: string): string {
  return `${historyPrefix(repository, tag)}${compactTime(at)}-${run}.json`;
}

/** The configuration of a job that runs as a Worker. The configuration's name is in it, so the key has none. */
export const CONFIGURATION_KEY = `${STATE}_config/lifeboat.yaml`;
/** The last one of these that could be used. */
export const LAST_GOOD_CONFIGURATION_KEY = `${STATE}_config/last-good.yaml`;

/** The prefix of the notes of deployments, one for each Worker. */
export const DEPLOYMENTS = `${STATE}_deploy/`;

/** The tag of a Worker's last deployment that came to its end, routes and triggers included. @param worker its name at Cloudflare */
export function deploymentKey(worker: string): string {
  return `${DEPLOYMENTS}${worker}`;
}

/** The prefix of the in-use lists, one for each cluster. */
export const CLUSTERS = `${STATE}_clusters/`;

/** A cluster's name is a part of a key: lower-case letters, digits, dots and hyphens. */
export function isClusterName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(text);
}

/** The list of the images that a cluster runs. @param cluster a name that `isClusterName` accepts */
export function inUseKey(cluster: string): string {
  return `${CLUSTERS}${cluster}.json`;
}

/** @returns the cluster whose list a key names; undefined for another key */
export function clusterOfKey(key: string): string | undefined {
  const name = key.startsWith(CLUSTERS) && key.endsWith('.json') ? key.slice(CLUSTERS.length, -5) : '';
  return isClusterName(name) ? name : undefined;
}

type StateFile =
  | 'catalog.json'
  | 'demanded.json'
  | 'last-drill.json'
  | 'last-run.json'
  | 'notified.json'
  | 'overview.json'
  | 'probe'
  | 'running.json'
  | 'runs.json'
  | 'scrub.json'
  | 'verify.json';

/** A file of one configuration's state, by the configuration's `name`. */
export function stateKey(name: string, file: StateFile): string {
  return `${STATE}${name}/${file}`;
}

/** Whether a key is that file of some configuration's state. No name of a configuration begins with an underscore. */
export function isStateKey(key: string, file: StateFile): boolean {
  const [, name = ''] = key.split('/');
  return key === stateKey(name, file) && !name.startsWith('_');
}

/** The description of one repository, by the configuration's `name`. */
export function descriptionKey(name: string, repository: Repository): string {
  return `${STATE}${name}/repositories/${repository}.json`;
}

/** Whether a key is that of a description of a repository, of whatever configuration. */
export function isDescriptionKey(key: string): boolean {
  return /^state\/[^_/][^/]*\/repositories\/.+\.json$/.test(key);
}

/** Writes a time as part of a key, or of a run's id: `20260131T235959.123Z`. UTC. */
export function compactTime(at: Date): string {
  return at.toISOString().replaceAll(/[-:]/g, '');
}

function path(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}`;
}
