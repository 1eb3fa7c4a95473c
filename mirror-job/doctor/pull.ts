/** Pulls one image as clients do: the manifest by tag and by digest, under each name, and one blob. */
import type {
  BlobReplies,
  ImageReplies,
  ManifestReplies,
  NameReplies,
  NotLooked,
} from '../../cluster/doctor/observation.ts';
import { isSuccess } from '../../cluster/doctor/reply.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Manifest } from '../../core/manifest.ts';
import { formatReference, type Repository } from '../../core/reference.ts';
import { pullBlob, type BlobLimits } from './blob.ts';
import type { BucketReader } from './bucket.ts';
import { isOfDockerHub, pathFor, type Edge } from './edge.ts';
import type { ChosenImage } from './image-choice.ts';
import { digestOf, manifestIn } from './pulled-manifest.ts';
import type { Requester } from './requester.ts';

/** An index may list platforms that are not mirrored. One that is here is enough. */
const MAX_CHILDREN_TRIED = 8;

export interface PullContext {
  readonly edge: Edge;
  readonly requester: Requester;
  readonly bucket: BucketReader | undefined;
  readonly limits: BlobLimits;
  /** Reports what is asked next. */
  readonly say: (what: string) => void;
}

export async function pullImage(
  { reference, namedBy, tags }: ChosenImage,
  context: PullContext,
): Promise<ImageReplies> {
  const { edge, bucket, say } = context;
  const { repository, tag } = reference;
  say(`${formatReference(reference)}: its manifest, by tag and by digest`);
  const head = tag === undefined ? undefined : await edge.manifest('HEAD', repository, tag);
  const get = tag === undefined ? undefined : await edge.manifest('GET', repository, tag);
  const digest =
    reference.digest ??
    digestOf(get) ??
    (tag === undefined ? undefined : (await bucket?.tag(repository, tag))?.digest);
  const top = digest === undefined ? undefined : await pullManifest(edge, repository, digest);
  const index = top?.manifest?.kind === 'index' ? top.manifest : undefined;
  const child = index === undefined ? undefined : await pullChild(edge, repository, index);
  const known = digest ?? tag ?? '';
  const referrers =
    digest === undefined
      ? undefined
      : await edge.ask('GET', pathFor(repository, `referrers/${digest}`, 'prefix'));
  say(`${formatReference(reference)}: the same by the other names`);
  const names = await askByNames(
    edge,
    repository,
    get !== undefined && isSuccess(get.reply) ? (tag ?? known) : known,
  );
  const image = index === undefined ? top?.manifest : child?.manifest;
  return {
    reference: formatReference(reference),
    namedBy,
    tag:
      tag === undefined || head === undefined || get === undefined
        ? undefined
        : { name: tag, head: head.reply, get: get.reply },
    tags,
    manifest: top?.replies,
    child: child?.replies,
    referrers: referrers?.reply,
    names,
    blob: await pullOneBlob(repository, image, context),
  };
}

async function pullOneBlob(
  repository: Repository,
  image: Manifest | undefined,
  context: PullContext,
): Promise<BlobReplies | NotLooked> {
  if (image === undefined) return { notLooked: 'blobs: no manifest of an image was answered' };
  const blob = chooseBlob(image.blobs, context.limits);
  if (blob === undefined)
    return { notLooked: 'blobs: the image has none that is small enough to be read here' };
  context.say(`a blob of ${blob.size} bytes, whole and in part`);
  return pullBlob(repository, blob, context);
}

/** The smallest that an edge redirects by default, because a redirect has more that can be wrong; else the largest. */
function chooseBlob(blobs: readonly Descriptor[], { maxBytes }: BlobLimits): Descriptor | undefined {
  const fitting = blobs
    .filter(({ size }) => size > 0 && size <= maxBytes)
    .toSorted((one, other) => one.size - other.size);
  return fitting.find(({ size }) => size >= REDIRECTED_BYTES) ?? fitting.at(-1);
}

/** The edge's STREAM_BELOW. */
const REDIRECTED_BYTES = 65_536;

interface Pulled {
  readonly replies: ManifestReplies;
  readonly manifest: Manifest | undefined;
}

async function pullManifest(edge: Edge, repository: Repository, digest: Digest): Promise<Pulled> {
  const head = await edge.manifest('HEAD', repository, digest);
  const get = await edge.manifest('GET', repository, digest);
  const manifest = manifestIn(get);
  return { replies: { digest, mediaType: manifest?.mediaType, head: head.reply, get: get.reply }, manifest };
}

async function pullChild(edge: Edge, repository: Repository, index: Manifest): Promise<Pulled | undefined> {
  const children = index.manifests
    .toSorted((one, other) => rankOf(one) - rankOf(other))
    .slice(0, MAX_CHILDREN_TRIED);
  let pulled: Pulled | undefined;
  for (const { digest } of children) {
    pulled = await pullManifest(edge, repository, digest);
    if (isSuccess(pulled.replies.get)) break;
  }
  return pulled;
}

/** The platform that most clusters have comes first. */
function rankOf({ platform }: Descriptor): number {
  return platform?.architecture === 'amd64' ? 0 : 1;
}

async function askByNames(edge: Edge, repository: Repository, reference: string): Promise<NameReplies> {
  const ns = await edge.manifest('HEAD', repository, reference, 'ns');
  const both = await edge.manifest('HEAD', repository, reference, 'prefix and ns');
  const defaultUpstream = isOfDockerHub(repository)
    ? (await edge.manifest('HEAD', repository, reference, 'default')).reply
    : { notLooked: 'a name without a registry (Docker): the image is not one of Docker Hub' };
  return { ns: ns.reply, prefixAndNs: both.reply, defaultUpstream };
}
