/** Bugs that the simulation must find: each is one edit of the engine's source, made while the module is loaded. */
import { registerHooks } from 'node:module';

export interface Bug {
  readonly name: string;
  /** The path below `mirror-job/engine/`. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly code: string;
  readonly broken: string;
  /** The promises that may be the first one to break. */
  readonly breaks: readonly string[];
  /** The first seed to try, for a bug that few seeds find; left out for 1. */
  readonly from?: number;
}

const INDEX_PUT = `if (manifest.manifests.length > 0 && !isPresent) {
      await store.put(manifestKey(this.#repository, digest), bytes, { contentType: manifest.mediaType });
    }`;
const CHILDREN =
  'const children = await this.#ensureChildren(digest, choice.children, source, wanted, nesting);';

export const BUGS: readonly Bug[] = [
  {
    name: 'a tag is written before its manifest',
    file: 'copy/manifest-copy.ts',
    code: 'await store.put(manifestKey(this.#repository, digest), bytes, { contentType: manifest.mediaType });',
    broken:
      'void store.put(manifestKey(this.#repository, digest), bytes, { contentType: manifest.mediaType }).catch(() => undefined);',
    breaks: ['something is missing'],
  },
  {
    name: 'an index is written before its children',
    file: 'copy/manifest-copy.ts',
    code: CHILDREN,
    broken: `${INDEX_PUT}\n${CHILDREN}`,
    breaks: ['something is missing'],
  },
  {
    name: 'the size of a manifest is not checked',
    file: 'copy/manifest-copy.ts',
    code: 'if (expected === undefined || size === expected.size) return;',
    broken: 'return;',
    breaks: ['a wrong size'],
  },
  {
    name: 'the hash of a blob is not checked',
    file: 'transfer/verify.ts',
    code: 'if (actual !== digest) {',
    broken: 'if (false) {',
    from: 700,
    breaks: ['wrong bytes'],
  },
  {
    name: 'a link is written before its blob',
    file: 'copy/blob-copy.ts',
    code: 'const stored = await this.#storedOnce(blob, source, tally, tag);',
    broken: `await store.put(key, encodeBlobLink(blob), { contentType: OCI_DESCRIPTOR });
      const stored = await this.#storedOnce(blob, source, tally, tag);`,
    breaks: ['a link before its blob'],
  },
  {
    name: 'a tag is written without If-Match',
    file: 'tags/publish.ts',
    code: "condition: present === undefined ? { ifNoneMatch: '*' } : { ifMatch: present.etag },",
    broken: "...(present === undefined && { condition: { ifNoneMatch: '*' } }),",
    from: 1740,
    breaks: ['a tag went back unasked', 'a hold was lost', 'a revert was undone', 'an approve was undone'],
  },
  {
    name: 'a conflict counts as success',
    file: 'tags/publish.ts',
    code: "if (written === 'conflict' && !(await isStored(store, key, bytes))) return 'conflict';",
    broken: '',
    from: 1600,
    breaks: ['the index is wrong', 'a revert was undone', 'an approve was undone', 'a tag does not follow'],
  },
  {
    name: 'an index of a repository is written without a condition',
    file: 'store/compare-and-swap.ts',
    code: 'await store.put(key, made.bytes, { contentType, condition })',
    broken: 'await store.put(key, made.bytes, { contentType })',
    from: 340,
    breaks: [
      'the list of tags is wrong',
      'the index is wrong',
      'a tag does not follow',
      'a revert was undone',
    ],
  },
  {
    name: 'a tag moves while the index still has it',
    file: 'tags/repository-state.ts',
    code: 'this.#changed.set(`tag ${tag}`, undefined);',
    broken: 'return;',
    from: 960,
    breaks: ['the index is wrong', 'a tag does not follow'],
  },
  {
    name: 'a store is caught up from one that is behind',
    file: 'replication/replica-reconcile.ts',
    code: '    if (isBehind(replica, statuses)) continue;\n    if (isInStep(replica, statuses)',
    broken: '    if (isInStep(replica, statuses) || isBehind(replica, statuses)',
    from: 700,
    breaks: [
      'stores differ',
      'the list of tags is wrong',
      'a tag went back unasked',
      'a revert was undone',
      'a tag does not follow',
      'something is missing',
    ],
  },
  {
    name: 'a sweep does not mark a second time',
    file: 'maintenance/sweep.ts',
    code: 'const { repositories, doomed, rescued } = await this.#mark();',
    broken: `const doomed = [...this.#condemned].filter((key) => stageOf(key) === stage);
    const ofRepository = Map.groupBy(doomed, (key) => kindOfKey(key).repository);
    const repositories = [...ofRepository].map(([repository, keys]) => ({
      repository,
      keys: new Set(keys),
      dropped: new Set(),
      isEmpty: false,
    }));
    const rescued = [];`,
    breaks: [
      'something is missing',
      'a hold was lost',
      'a tag in use is gone',
      'a tag is gone',
      'an image in use is gone',
      'the index is wrong',
    ],
  },
  {
    name: 'the grace is too short',
    file: 'maintenance/retention.ts',
    code: 'export const MIN_GRACE_MS = 25 * 3_600_000;',
    broken: 'export const MIN_GRACE_MS = 60_000;',
    breaks: ['something is missing', 'a pull finds too little', 'a tag is gone'],
  },
  {
    name: 'a run leaves no note while something is condemned',
    file: 'store/fenced-store.ts',
    code: 'await this.#note(this.#begun, false);',
    broken: '',
    from: 1150,
    breaks: ['something is missing', 'an image in use is gone', 'a tag is missing'],
  },
];

/** Breaks the engine in this process. To be called before anything of the engine is imported. @throws for an unknown bug */
export function plant(name: string): void {
  const bug = BUGS.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`There is no bug "${name}".`);
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      if (!url.endsWith(`/mirror-job/engine/${bug.file}`)) return loaded;
      const { source } = loaded;
      if (source === undefined || source === null) throw new Error(`${bug.file} has no source.`);
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: edit(text, bug) };
    },
  });
}

function edit(source: string, { name, file, code, broken }: Bug): string {
  const parts = source.split(code);
  if (parts.length !== 2)
    throw new Error(`"${name}": ${file} has the code ${parts.length - 1} times, not once.`);
  return parts.join(broken);
}
