/** Pulls what clusters run through an edge, by the requests that containerd makes for one image, and a byte of two blobs. */
import type { DrilledImage, EdgeFacts } from '../../cluster/drill/observation.ts';
import type { Reply } from '../../cluster/doctor/observation.ts';
import { describeReply, isRefusal, isSuccess } from '../../cluster/doctor/reply.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { hasDigest, type Digest } from '../../core/digest.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { Repository } from '../../core/reference.ts';
import { Edge } from '../doctor/edge.ts';
import { UnreachableError } from '../doctor/examine.ts';
import { bytesIn, digestOf, manifestIn } from '../doctor/pulled-manifest.ts';
import { followRedirects, locationIn } from '../doctor/redirect.ts';
import { Requester, type Got, type Limits } from '../doctor/requester.ts';
import { allOrThrow } from '../engine/support/all-or-throw.ts';
import { createLimit } from '../engine/support/limit.ts';
import { createAgents } from '../runtime/node/agents.ts';
import type { Proxies } from '../runtime/node/proxies.ts';
import { childrenFor, childrenForNodes } from './needed-children.ts';

const PULLS = 8;
const LIMITS: Limits = { answerMs: 10_000, bodyMs: 10_000 };
/** An index in an index is looked into as often as this. */
const MAX_DEPTH = 3;
/** More of a blob is not read, if a store knows no ranges. */
const MAX_READ_BYTES = 65_536;

/** The edge answers, and lets nobody in. The message is a sentence with the next step. */
export class EdgeClosedError extends Error {
  override readonly name = 'EdgeClosedError';
}

export interface EdgeAccess {
  /** The edge's origin, without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly proxies: Proxies;
}

/**
 * @returns what the edge answered, in the order of the images
 * @throws {UnreachableError} if the edge does not answer `GET /v2/` at all
 * @throws {EdgeClosedError} for another answer to it than 200
 */
export async function edgeFactsOf(
  { url, token, proxies }: EdgeAccess,
  images: readonly DrilledImage[],
): Promise<readonly EdgeFacts[]> {
  const agents = createAgents(proxies);
  try {
    const requester = new Requester(agents, LIMITS, new AbortController().signal);
    const edge = new Edge(url, requester, token);
    const { reply } = await edge.ask('GET', '/v2/');
    if (reply.kind === 'failure') throw new UnreachableError(reply);
    if (reply.status !== 200) throw closed(url, reply, token);
    const limit = createLimit(PULLS);
    const hasToken = token !== undefined;
    return await allOrThrow(
      images.map((image) => limit(() => new Pull(edge, { requester, image, hasToken }).run())),
    );
  } finally {
    agents.httpAgent.destroy();
    agents.httpsAgent.destroy();
  }
}

function closed(url: string, reply: Reply, token: string | undefined): EdgeClosedError {
  const next =
    isRefusal(reply) && token === undefined
      ? 'Give the token of the edge with --token-file.'
      : `"lifeboat doctor ${url}" tells why.`;
  return new EdgeClosedError(`${url} ${describeReply(reply)} for /v2/. ${next}`);
}

/** The edge did not give what the pull needs. */
class PullEnd {
  readonly facts: EdgeFacts;

  constructor(facts: EdgeFacts) {
    this.facts = facts;
  }
}

class Pull {
  readonly #edge: Edge;
  readonly #requester: Requester;
  readonly #image: DrilledImage;
  readonly #repository: Repository;
  readonly #hasToken: boolean;

  constructor(
    edge: Edge,
    {
      requester,
      image,
      hasToken,
    }: { readonly requester: Requester; readonly image: DrilledImage; readonly hasToken: boolean },
  ) {
    this.#edge = edge;
    this.#requester = requester;
    this.#hasToken = hasToken;
    this.#image = image;
    this.#repository = image.reference.repository;
  }

  async run(): Promise<EdgeFacts> {
    const { tag, digest: named } = this.#image.reference;
    const head = await this.#edge.manifest('HEAD', this.#repository, named ?? tag ?? '', 'prefix and ns');
    if (!isSuccess(head.reply)) return this.#withAccess(head.reply);
    const digest = named ?? digestOf(head);
    if (digest === undefined) {
      return { answer: 'failed', says: `answered ${head.reply.asked} without a digest` };
    }
    const image = await this.#manifest(digest, MAX_DEPTH);
    if (image instanceof PullEnd) return image.facts;
    for (const blob of blobsToTry(image)) {
      const end = await this.#firstByte(blob);
      if (end !== undefined) return end.facts;
    }
    return { answer: 'pulled', digest };
  }

  /** Goes on from an index to the manifest for a platform of the nodes. */
  async #manifest(digest: Digest, depth: number): Promise<Manifest | PullEnd> {
    const got = await this.#edge.manifest('GET', this.#repository, digest, 'prefix and ns');
    if (!isSuccess(got.reply)) return new PullEnd(this.#withAccess(got.reply));
    const bytes = bytesIn(got);
    const manifest = manifestIn(got);
    if (bytes === undefined || manifest === undefined || !(await hasDigest(bytes, digest))) {
      return new PullEnd({ answer: 'refused', says: `answered ${got.reply.asked} with other bytes` });
    }
    if (manifest.kind !== 'index') return manifest;
    const child = this.#childOf(manifest);
    if (child === undefined || depth === 0) {
      const platform = this.#image.platforms?.[0] ?? 'any platform';
      return new PullEnd({ answer: 'refused', says: `has an index without a manifest for ${platform}` });
    }
    return this.#manifest(child.digest, depth - 1);
  }

  /** A manifest comes from the edge itself, so that a refusal is about the caller, and not about a signature of the store. */
  #withAccess(reply: Reply): EdgeFacts {
    const facts = endedBy(reply);
    if (facts.answer !== 'refused' || !isRefusal(reply)) return facts;
    const who = this.#hasToken ? "the drill's token may not read it" : 'the drill has no token';
    return {
      ...facts,
      isDenied: true,
      says: `${facts.says}: ${who}, and whether the nodes may read it is not known`,
    };
  }

  #childOf({ manifests }: Manifest): Descriptor | undefined {
    const [platform] = this.#image.platforms ?? [];
    if (platform !== undefined) return childrenFor(manifests, platform)[0];
    const [usual] = childrenFor(manifests, 'linux/amd64');
    return usual ?? childrenForNodes(manifests)[0];
  }

  async #firstByte({ digest }: Descriptor): Promise<PullEnd | undefined> {
    const options = { headers: { range: 'bytes=0-0' }, maxBytes: MAX_READ_BYTES };
    const got = await this.#edge.blob('GET', this.#repository, digest, options);
    const location = locationIn(got.reply, this.#edge.url);
    const last = location === undefined ? got : await followRedirects(this.#requester, location, options);
    return hasBytes(last) ? undefined : new PullEnd(endedBy(last.reply));
  }
}

/** The config, which an edge streams, and the largest layer, which it redirects. Layers that are kept elsewhere do not count. */
function blobsToTry({ blobs }: Manifest): readonly Descriptor[] {
  const [config, ...layers] = blobs.filter(({ urls }) => urls === undefined);
  const [largest] = layers.toSorted((one, other) => other.size - one.size);
  return [config, largest].filter((blob) => blob !== undefined);
}

/** A store without ranges sends the whole blob. */
function hasBytes({ reply }: Got): boolean {
  if (reply.kind === 'failure') return false;
  return (reply.status === 206 || reply.status === 200) && reply.body.bytes > 0;
}

/** An answer that says "not here", or "not for you", is a refusal. All others may be a trouble of this moment. */
function endedBy(reply: Reply): EdgeFacts {
  const isFinal =
    reply.kind === 'answer' && reply.status >= 400 && reply.status < 500 && reply.status !== 429;
  const says =
    reply.kind === 'failure'
      ? `gave no answer to ${reply.asked}: ${describeReply(reply).replace(/^got no answer: /, '')}`
      : `answered ${reply.asked} with ${describeReply(reply).replace(/^got /, '')}`;
  return { answer: isFinal ? 'refused' : 'failed', says };
}
