/**
 * Checks without the project's own code that all that a reader can see in a bucket is complete and right. An object is checked
 * when it is written: it must be what its key says, and all that it names must be there. So what is there stays complete until
 * something is deleted, and only then the tags are checked down to the last blob.
 */
import { createHash } from 'node:crypto';
import {
  isObject,
  readJson,
  referencesOf,
  type Reference,
  type References,
} from '../support/manifest-json.ts';
import { Violation } from './violation.ts';
import type { WatchedStore } from './watched-store.ts';

const KEY =
  /^(?:repositories\/(?<repository>.+?)\/_|)(?<folder>blobs|manifests|referrers|tags)\/(?<name>.+)$/;

export interface BucketKey {
  /** Empty for the blobs, which all repositories share. */
  readonly repository: string;
  readonly folder: 'blobs' | 'manifests' | 'referrers' | 'tags';
  readonly name: string;
}

/** @returns undefined for a key of no object that a reader sees */
export function readKey(key: string): BucketKey | undefined {
  const { repository = '', folder, name = '' } = KEY.exec(key)?.groups ?? {};
  if (folder !== 'blobs' && folder !== 'manifests' && folder !== 'referrers' && folder !== 'tags')
    return undefined;
  return { repository, folder, name };
}

/** @throws {Violation} */
export function checkChange(store: WatchedStore, key: string): void {
  const parts = readKey(key);
  if (parts === undefined) return;
  const object = store.objects.get(key);
  if (object === undefined) return;
  const { repository, folder, name } = parts;
  const { bytes } = object;
  if (folder === 'tags') checkTag(store, key, repository, bytes);
  else if (folder === 'referrers') checkNamed(store, key, repository, parsedReferences(bytes));
  else if (folder === 'blobs' && repository !== '') checkLink(store, key, name, bytes);
  else {
    if (name !== `sha256/${hexOf(bytes)}`) throw new Violation('wrong bytes', `${store.name} ${key}`);
    if (folder === 'manifests') checkNamed(store, key, repository, parsedReferences(bytes));
  }
}

function checkLink(store: WatchedStore, key: string, name: string, bytes: Uint8Array): void {
  const { size } = readJson(bytes);
  const stored = store.objects.get(`blobs/${name}`)?.bytes.length;
  if (stored === undefined) throw new Violation('a link before its blob', `${store.name} ${key}`);
  if (stored !== size)
    throw new Violation('a wrong size', `${store.name} ${key} says ${String(size)}, not ${stored}`);
}

function checkTag(store: WatchedStore, key: string, repository: string, object: Uint8Array): void {
  const { data, digest, size } = readJson(object);
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  if (digest !== `sha256:${hexOf(bytes)}`) throw new Violation('wrong bytes', `${store.name} ${key}`);
  if (size !== bytes.length) throw new Violation('a wrong size', `${store.name} ${key}`);
  checkClosure(store, key, repository, { digest, size: bytes.length });
}

/** Checks all that a manifest names itself. */
function checkNamed(
  store: WatchedStore,
  key: string,
  repository: string,
  { manifests, blobs }: References,
): readonly Reference[] {
  for (const { digest, size } of manifests) {
    need(store, key, `repositories/${repository}/_manifests/${digest.replace(':', '/')}`, size);
  }
  for (const { digest, size } of blobs) {
    need(store, key, `blobs/${digest.replace(':', '/')}`, size);
    need(store, key, `repositories/${repository}/_blobs/${digest.replace(':', '/')}`);
  }
  return manifests;
}

function checkClosure(
  store: WatchedStore,
  key: string,
  repository: string,
  { digest, size }: { readonly digest: string; readonly size: number },
): void {
  const own = `repositories/${repository}/_manifests/${digest.replace(':', '/')}`;
  need(store, key, own, size);
  const bytes = store.objects.get(own)?.bytes ?? new Uint8Array();
  for (const child of checkNamed(store, key, repository, parsedReferences(bytes))) {
    checkClosure(store, key, repository, child);
  }
}

function need(store: WatchedStore, by: string, key: string, size?: number): void {
  const stored = store.objects.get(key);
  if (stored === undefined) throw new Violation('something is missing', `${store.name} ${by} needs ${key}`);
  if (size !== undefined && stored.bytes.length !== size) {
    throw new Violation(
      'a wrong size',
      `${store.name} ${by} says ${size} for ${key}, not ${stored.bytes.length}`,
    );
  }
}

const parsed = new WeakMap<Uint8Array, References>();

/** Objects in a store never change, so each is parsed once. */
function parsedReferences(bytes: Uint8Array): References {
  const known = parsed.get(bytes) ?? referencesOf(readJson(bytes));
  parsed.set(bytes, known);
  return known;
}

/**
 * Checks that all that any object names is there: to be called after a deletion. Not only tags count, because a run takes each
 * manifest and each link that is there for complete.
 * @throws {Violation}
 */
export function checkWhole(store: WatchedStore): void {
  for (const [key, { bytes }] of store.objects) {
    const parts = readKey(key);
    if (parts === undefined || (parts.folder === 'blobs' && parts.repository === '')) continue;
    const { repository, folder, name } = parts;
    if (folder === 'blobs') need(store, key, `blobs/${name}`);
    else if (folder === 'tags') {
      need(store, key, `repositories/${repository}/_manifests/${readTag(bytes).digest.replace(':', '/')}`);
    } else checkNamed(store, key, repository, parsedReferences(bytes));
  }
}

/** Checks every tag down to its last blob. @throws {Violation} */
export function checkTags(store: WatchedStore): void {
  for (const [key, { bytes }] of store.objects) {
    const parts = readKey(key);
    if (parts?.folder === 'tags') checkTag(store, key, parts.repository, bytes);
  }
}

/** @returns the digest and the hold of a tag; undefined if there is no such tag */
export function tagIn(
  store: WatchedStore,
  repository: string,
  tag: string,
): { readonly digest: string; readonly hold: string | undefined } | undefined {
  const object = store.objects.get(`repositories/${repository}/_tags/${tag}`);
  return object === undefined ? undefined : readTag(object.bytes);
}

export interface ReadTag {
  readonly digest: string;
  readonly hold: string | undefined;
  /** Names this version of the tag. No two writes of different movements have the same. */
  readonly version: string;
  readonly run: string;
}

export function readTag(object: Uint8Array): ReadTag {
  const { digest, annotations } = readJson(object);
  const all = isObject(annotations) ? annotations : {};
  const ending = (end: string): string | undefined => {
    const found = Object.entries(all).find(([name]) => name.endsWith(end))?.[1];
    return typeof found === 'string' ? found : undefined;
  };
  const run = ending('.run') ?? '';
  return {
    digest: String(digest),
    hold: ending('.hold'),
    run,
    version: `${run} ${ending('.moved') ?? ''} ${String(digest)}`,
  };
}

function hexOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
