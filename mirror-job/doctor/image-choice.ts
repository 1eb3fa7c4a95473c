/** Chooses the image that is pulled: the one that was named, else one that the edge, the bucket or lifeboat.yaml lists. */
import { repositoriesIn } from '../../cluster/doctor/registry.ts';
import { isSuccess, jsonOf } from '../../cluster/doctor/reply.ts';
import type { NotLooked, Reply } from '../../cluster/doctor/observation.ts';
import { isObject } from '../../core/json.ts';
import { isTag, type Reference, type Repository, type Tag } from '../../core/reference.ts';
import { isReferrerTag } from '../../core/tag-list.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { repositoryOf } from './listed-name.ts';
import type { BucketReader } from './bucket.ts';
import { isOfDockerHub, pathFor, type Edge } from './edge.ts';

export interface ChosenImage {
  readonly reference: Reference;
  /** The place that named it, as the subject of a sentence. */
  readonly namedBy: string;
  readonly tags: Reply;
}

interface Lists {
  readonly edge: Edge;
  /** The edge's `_catalog`. */
  readonly catalog: Reply | undefined;
  readonly bucket: BucketReader | undefined;
  readonly images: Configuration['images'];
}

export async function chooseImage(
  wanted: Reference | undefined,
  lists: Lists,
): Promise<ChosenImage | NotLooked> {
  const chosen =
    wanted === undefined
      ? await chooseRepository(lists)
      : { repository: wanted.repository, namedBy: 'the command line' };
  if (chosen === undefined) {
    return {
      notLooked: 'images: neither the edge nor the bucket nor lifeboat.yaml lists one. Name one by --image',
    };
  }
  const { repository, namedBy } = chosen;
  const { reply, listed } = await tagsOf(lists.edge, repository);
  if (wanted?.tag !== undefined || wanted?.digest !== undefined)
    return { reference: wanted, namedBy, tags: reply };
  const entry = lists.images.find((image) => image.repository === repository);
  const [tag] = [
    ...listed,
    ...((await lists.bucket?.tagsOf(repository)) ?? []),
    ...(entry?.tags.explicit ?? []),
  ];
  const digest = tag === undefined ? entry?.digests[0] : undefined;
  if (tag === undefined && digest === undefined) {
    return { notLooked: `images: no tag of ${repository} is known. Name an image with its tag by --image` };
  }
  return { reference: { repository, tag, digest }, namedBy, tags: reply };
}

/** Prefers Docker Hub, because only its images show whether the default upstream is right. */
async function chooseRepository({ catalog, bucket, images }: Lists) {
  const ofEdge = isSuccess(catalog)
    ? repositoriesIn(catalog.body.start).flatMap((name) => repositoryOf(name) ?? [])
    : [];
  const candidates = [
    { namedBy: "the edge's list", repositories: ofEdge },
    { namedBy: 'the bucket', repositories: ofEdge.length > 0 ? [] : ((await bucket?.repositories()) ?? []) },
    {
      namedBy: 'lifeboat.yaml',
      repositories: images
        .filter(({ tags, digests }) => tags.explicit.length + digests.length > 0)
        .map((image) => image.repository),
    },
  ];
  for (const { namedBy, repositories } of candidates) {
    const repository = repositories.find((one) => isOfDockerHub(one)) ?? repositories[0];
    if (repository !== undefined) return { repository, namedBy };
  }
  return undefined;
}

async function tagsOf(
  edge: Edge,
  repository: Repository,
): Promise<{ readonly reply: Reply; readonly listed: readonly Tag[] }> {
  const { reply } = await edge.ask('GET', pathFor(repository, 'tags/list', 'prefix') + '?n=100');
  const json = isSuccess(reply) ? jsonOf(reply.body.start) : undefined;
  const tags = isObject(json) && Array.isArray(json['tags']) ? json['tags'] : [];
  return {
    reply,
    listed: tags.filter(
      (tag: unknown): tag is Tag => typeof tag === 'string' && isTag(tag) && !isReferrerTag(tag),
    ),
  };
}
