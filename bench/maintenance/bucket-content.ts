/** Fills a bucket as the job leaves it after it has mirrored many repositories, without an upstream. */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { encodeBlobLink } from '../../core/blob-link.ts';
import { encodeCatalog } from '../../core/catalog.ts';
import { digestFromHash, type Digest } from '../../core/digest.ts';
import { encodeMovement } from '../../core/history.ts';
import { encodeIdentity } from '../../core/identity.ts';
import { encodeJson } from '../../core/json.ts';
import {
  blobKey,
  blobLinkKey,
  historyKey,
  IDENTITY_KEY,
  LAYOUT_VERSION,
  manifestKey,
  referrersKey,
  repositoryIndexKey,
  stateKey,
  tagKey,
  tagListKey,
} from '../../core/layout.ts';
import { OCI_INDEX, OCI_MANIFEST, OCTET_STREAM } from '../../core/media-type.ts';
import { parseRepository, parseTag, type Repository, type Tag } from '../../core/reference.ts';
import { encodeReferrers } from '../../core/referrers.ts';
import { encodeRepositoryIndex, type TagEntry } from '../../core/repository-index.ts';
import { encodeTagList } from '../../core/tag-list.ts';
import { encodeTag } from '../../core/tag-object.ts';
import type { Store } from '../../mirror-job/engine/store/store.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
/** Writes at once. */
const WRITES = 32;
const TAGS = 10;
const LAYERS = 5;
const AT = '2026-01-01T00:00:00.000Z';
const RUN = 'bench';
/** The name of the configuration. */
const NAME = 'default';

type Put = (key: string, bytes: Uint8Array<ArrayBuffer>, type?: string) => Promise<void>;

/** A manifest that is stored, as others name it. */
interface Stored {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The names of the repositories, without the registry. */
export function repositoryPaths(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `team-${index % 40}/app-${index}`);
}

/**
 * Each repository has ten tags with a movement each. Nine are images of six blobs, and one is an index of two such images, to
 * which an SBOM refers: 177 objects. Blobs have a few bytes, because nothing here reads them.
 * @returns how many objects were written
 */
export async function fillMaintained(
  store: Pick<Store, 'put'>,
  host: string,
  paths: readonly string[],
): Promise<number> {
  const limit = pLimit(WRITES);
  let objects = 0;
  const put: Put = async (key, bytes, contentType = OCTET_STREAM) => {
    objects += 1;
    await limit(() => store.put(key, bytes, { contentType }));
  };
  const id = crypto.randomUUID();
  await put(IDENTITY_KEY, encodeIdentity({ version: LAYOUT_VERSION, id, audience: 'public' }));
  const repositories = paths.map((path) => parseRepository(`${host}/${path}`));
  // One after the other, so that memory does not hold a hundred thousand promises.
  for (const repository of repositories) await fillRepository(put, repository);
  await put(stateKey(NAME, 'catalog.json'), encodeCatalog(repositories));
  return objects;
}

async function fillRepository(put: Put, repository: Repository): Promise<void> {
  const tags = Array.from({ length: TAGS }, (_, index) => parseTag(`1.${index}.0`));
  const entries = await Promise.all(
    tags.map((tag, index) =>
      index === 0 ? fillIndex(put, repository, tag) : fillImage(put, repository, tag),
    ),
  );
  await put(tagListKey(repository), encodeTagList(repository, tags));
  await put(repositoryIndexKey(repository), encodeRepositoryIndex(entries, { listsEveryTag: true }));
}

async function fillImage(put: Put, repository: Repository, tag: Tag): Promise<TagEntry> {
  return pointTo(put, repository, tag, await putImage(put, repository, `${repository}:${tag}`));
}

async function fillIndex(put: Put, repository: Repository, tag: Tag): Promise<TagEntry> {
  const children = await Promise.all(
    ['amd64', 'arm64'].map(async (architecture) => {
      const child = await putImage(put, repository, `${repository}:${tag} ${architecture}`);
      return Object.assign(descriptorOf(child), { platform: { os: 'linux', architecture } });
    }),
  );
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: children };
  const stored = await putManifest(put, repository, OCI_INDEX, index);
  const sbom = await putImage(put, repository, `SBOM of ${repository}:${tag}`, descriptorOf(stored));
  await put(referrersKey(repository, stored.digest), encodeReferrers([descriptorOf(sbom)]));
  return pointTo(put, repository, tag, stored);
}

async function putImage(put: Put, repository: Repository, name: string, subject?: object): Promise<Stored> {
  const blobs = await Promise.all(
    Array.from({ length: LAYERS + 1 }, async (_, index) => {
      const bytes = encodeJson({ blob: index, of: name });
      const digest = digestOf(bytes);
      await put(blobKey(digest), bytes);
      await put(blobLinkKey(repository, digest), encodeBlobLink({ digest, size: bytes.length }));
      return { digest, size: bytes.length };
    }),
  );
  const [config, ...layers] = blobs;
  return putManifest(put, repository, OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map(({ digest, size }) => ({ mediaType: LAYER, digest, size })),
    ...(subject !== undefined && { subject }),
  });
}

async function putManifest(
  put: Put,
  repository: Repository,
  mediaType: string,
  content: object,
): Promise<Stored> {
  const bytes = encodeJson(content);
  const digest = digestOf(bytes);
  await put(manifestKey(repository, digest), bytes, mediaType);
  return { mediaType, digest, size: bytes.length, bytes };
}

async function pointTo(put: Put, repository: Repository, tag: Tag, stored: Stored): Promise<TagEntry> {
  const { mediaType, digest, bytes } = stored;
  const movement = encodeMovement({ from: undefined, to: digest, at: AT, run: RUN, why: 'first seen' });
  await put(historyKey(repository, tag, new Date(AT), RUN), movement);
  await put(tagKey(repository, tag), encodeTag({ mediaType, digest, bytes, moved: AT, run: RUN }));
  return { ...descriptorOf(stored), kind: 'tag', tag, firstSeen: AT };
}

function descriptorOf({ mediaType, digest, size }: Stored) {
  return { mediaType, digest, size };
}

function digestOf(bytes: Uint8Array): Digest {
  return digestFromHash('sha256', createHash('sha256').update(bytes).digest());
}
