/** Judges what the edge says of itself: that it is a registry, Lifeboat's, and healthy. */
import { isObject } from '../../core/json.ts';
import { OCI_INDEX } from '../../core/media-type.ts';
import { fine, problem, skipped, type Check, type Finding } from './finding.ts';
import {
  isLooked,
  type Examination,
  type FirstReplies,
  type ImageReplies,
  type Reply,
} from './observation.ts';
import { describeReply, errorOf, faultOf, isSuccess, isUsable, jsonOf, mediaTypeOf } from './reply.ts';

/** Whether there is a reason to ask for images: `/v2/` lets the caller in, and the answers are Lifeboat's. */
export function isWorthAsking(first: FirstReplies): boolean {
  return isSuccess(first.pingWithToken ?? first.ping) && isLifeboat(first);
}

/** A proxy may let `/v2/` through alone, or take headers away. So one of the two marks is enough. */
function isLifeboat({ ping, pingWithToken, health, catalog }: FirstReplies): boolean {
  return (
    healthOf(health) !== undefined ||
    (catalog?.kind === 'answer' && catalog.headers['lifeboat-cache'] !== undefined) ||
    faultOf(pingWithToken ?? ping) === 'unavailable'
  );
}

interface Health {
  readonly live: boolean;
  /** The numbers of the stores that failed when they were asked last. */
  readonly failed: readonly number[];
}

function healthOf(reply: Reply): Health | undefined {
  if (reply.kind === 'failure') return undefined;
  const json = jsonOf(reply.body.start);
  if (!isObject(json) || typeof json['live'] !== 'boolean' || !Array.isArray(json['stores']))
    return undefined;
  const failed = json['stores'].flatMap((one: unknown, index) =>
    isObject(one) && one['last'] === 'failed' ? [index + 1] : [],
  );
  return { live: json['live'], failed };
}

export function judgeRegistry(examination: Examination): Finding[] {
  return [
    judgePing(examination),
    judgeLifeboat(examination),
    judgeHealth(examination),
    judgeCatalog(examination),
    judgeAbsent(examination),
    judgeTags(examination),
    judgeReferrers(examination),
  ];
}

function judgePing({ ping, pingWithToken }: Examination): Finding {
  const reply = pingWithToken ?? ping;
  if (!isUsable(reply)) return skipped('registry', `/v2/ ${describeReply(reply)}`);
  const { status, headers } = reply;
  if (status === 401 || status === 403) return skipped('registry', `/v2/ got ${status}: see "access"`);
  if (status !== 200) {
    return problem(
      'registry',
      `/v2/ ${describeReply(reply)}`,
      'there is no registry at this address: CRI-O, podman and skopeo ask /v2/ first, and leave the mirror unless it says 200 or 401',
      'check the address, and that all paths below /v2/ lead to the edge',
    );
  }
  if (mediaTypeOf(headers) !== 'application/json') {
    return problem(
      'registry',
      `/v2/ says that it is "${headers['content-type'] ?? ''}", and not application/json`,
      'the edge says application/json, so something in front of it changes its answers',
      'look for a rule that changes headers',
    );
  }
  return fine('registry', '/v2/ says 200: CRI-O, podman and skopeo, which ask it first, go on to pull');
}

function judgeLifeboat(examination: Examination): Finding {
  const { ping, pingWithToken } = examination;
  if (isLifeboat(examination)) return fine('lifeboat', 'the answers are those of a Lifeboat edge');
  const reply = pingWithToken ?? ping;
  const isRegistry = isUsable(reply) && [200, 401, 403].includes(reply.status);
  if (!isRegistry) return skipped('lifeboat', 'there is no registry at this address');
  return problem(
    'lifeboat',
    'another registry answers here, and not a Lifeboat edge',
    '/healthz does not say which stores answer, as the edge does',
    'check the address',
  );
}

function judgeHealth(examination: Examination): Finding {
  const { ping, pingWithToken, health } = examination;
  if (!isLifeboat(examination)) return skipped('health', '/healthz: this is no Lifeboat edge');
  if (faultOf(pingWithToken ?? ping) === 'unavailable') {
    return skipped('health', '/healthz: /v2/ says already that no store can be used');
  }
  const state = healthOf(health);
  if (state === undefined) {
    return problem(
      'health',
      `/healthz ${describeReply(health)}`,
      'load balancers and monitors ask it whether a store answers',
      'let /healthz through to the edge, as /v2/ is',
    );
  }
  const [store] = state.failed;
  if (!state.live || store !== undefined) {
    return problem(
      'health',
      state.live ? `/healthz says that store ${store} failed` : '/healthz says that no store answers',
      state.live ? 'the edge answers from its other stores only' : 'the edge can answer only from its cache',
      "look at the store's address and keys (S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID) and at the edge's log",
    );
  }
  return fine('health', '/healthz says that a store answers');
}

function judgeCatalog({ catalog, registry }: Examination): Finding {
  if (registry === undefined) return skipped('catalog', 'the list of repositories');
  if (!isUsable(catalog)) return skipped('catalog', 'the list of repositories: it got no usable answer');
  const count = repositoriesIn(catalog.body.start).length;
  if (catalog.status === 200 && count > 0) return fine('catalog', 'the list of repositories is answered');
  if (catalog.status !== 200)
    return skipped('catalog', `the list of repositories: it ${describeReply(catalog)}`);
  return problem(
    'catalog',
    'the list of repositories is empty',
    "nothing was mirrored yet, or the variable CATALOG of the edge does not have the name of the job's configuration",
    'run "lifeboat sync", or set CATALOG to the name in lifeboat.yaml',
  );
}

/** The repositories in a catalogue's answer, which may be cut in the middle of a name. */
export function repositoriesIn(text: string): string[] {
  const list = /"repositories"\s*:\s*\[([^\]]*)/.exec(text)?.[1] ?? '';
  return [...list.matchAll(/"([a-z0-9._/-]+)"/g)].map(([, name = '']) => name);
}

/** Clients ask upstream after a 404, and newer ones want the code to do it for a blob. */
function judgeAbsent({ registry, hasToken }: Examination): Finding {
  if (registry === undefined) return skipped('absent', 'an image that is not here');
  const { absentManifest, absentBlob } = registry;
  const replies = [absentManifest, absentBlob].filter((reply) => isUsable(reply));
  if (replies.length === 0) return skipped('absent', 'an image that is not here: it got no usable answer');
  const wrong = replies.find((reply) => reply.status !== 404 || errorOf(reply) === undefined);
  if (wrong === undefined)
    return fine('absent', 'an image that is not here gets 404 and a code, so clients ask the upstream');
  if (hasToken && wrong.status === 403)
    return skipped('absent', 'an image that is not here: the token may not read it');
  return problem(
    'absent',
    `${wrong.asked} ${describeReply(wrong)}`,
    wrong.status === 404
      ? 'the 404 has no code in JSON: newer versions of CRI-O, podman and skopeo fall back for a blob only if they read BLOB_UNKNOWN'
      : 'it does not exist, and clients ask the upstream at once only after a 404',
    'let the answers of the edge through unchanged: look for error pages of a proxy',
  );
}

function imageOf({ registry }: Examination): ImageReplies | undefined {
  return registry !== undefined && isLooked(registry.image) ? registry.image : undefined;
}

/** Whether the edge serves no tags by its variable TAGS. */
export function areTagsOff({ tag, tags }: Pick<ImageReplies, 'tag' | 'tags'>): boolean {
  return [tags, tag?.get].some(
    (reply) => isUsable(reply) && reply.status === 404 && /digests only/.test(errorOf(reply)?.message ?? ''),
  );
}

function judgeTags(examination: Examination): Finding {
  const image = imageOf(examination);
  if (image === undefined) return skipped('tag-list', 'the list of tags');
  if (areTagsOff(image)) {
    return problem(
      'tags',
      'this edge answers digests only',
      'its variable TAGS is off. Docker, BuildKit, k3s, RKE2 and Talos always ask for tags, and get 404 for each',
      'set TAGS = on at the edge, or configure every client for digests only (docs/clients.md)',
    );
  }
  const { tags, tag } = image;
  if (!isUsable(tags)) return skipped('tag-list', 'the list of tags: it got no usable answer');
  if (tags.status === 200) return fine('tag-list', 'the list of tags is answered');
  if (tag !== undefined && !isSuccess(tag.get))
    return skipped('tag-list', `the list of tags ${describeReply(tags)}`);
  return problem(
    'tag-list',
    `${tags.asked} ${describeReply(tags)}`,
    'tools that copy a repository from here find no tags',
    'run "lifeboat sync", which makes the list anew',
  );
}

function judgeReferrers(examination: Examination): Finding {
  const referrers = imageOf(examination)?.referrers;
  if (referrers === undefined) return skipped('referrers', 'the list of signatures: no digest is known');
  if (!isUsable(referrers)) return skipped('referrers', 'the list of signatures: it got no usable answer');
  if (referrers.status === 200 && mediaTypeOf(referrers.headers) === OCI_INDEX) {
    return fine('referrers', 'signatures and SBOMs of an image can be listed');
  }
  return problem(
    'referrers',
    `${referrers.asked} ${describeReply(referrers)} (${referrers.headers['content-type'] ?? 'no type'})`,
    'tools that check signatures want an index here, also an empty one',
    'let all paths below /v2/ through to the edge unchanged',
  );
}

/** The checks that need an image, for a message that none was looked at. */
export function skipAll(checks: readonly Check[], why: string): Finding[] {
  return checks.map((check) => skipped(check, why));
}
