/** Examines a deployed edge by the requests of its clients. It judges nothing. */
import type {
  BucketObservation,
  Examination,
  Failure,
  FirstReplies,
  ImageReplies,
  NotLooked,
  Reply,
} from '../../cluster/doctor/observation.ts';
import { isWorthAsking } from '../../cluster/doctor/registry.ts';
import { isDigest } from '../../core/digest.ts';
import type { Reference } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { createAgents, type Agents } from '../runtime/node/agents.ts';
import type { Proxies } from '../runtime/node/proxies.ts';
import { BucketReader, type EdgeKey } from './bucket.ts';
import { Edge } from './edge.ts';
import { chooseImage, type ChosenImage } from './image-choice.ts';
import { pullImage } from './pull.ts';
import { Requester } from './requester.ts';

export interface ExaminationOptions {
  /** The edge's origin, without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  /** The image to pull; undefined to choose one. */
  readonly image: Reference | undefined;
  readonly wantsChallenge: boolean;
  readonly configuration: Configuration | NotLooked;
  readonly edgeKey: EdgeKey | NotLooked;
  readonly proxies: Proxies;
  /** Reports what is asked next. */
  readonly say: (what: string) => void;
  readonly limits?: Partial<ExaminationLimits>;
}

export interface ExaminationLimits {
  /** Until an answer begins. */
  readonly answerMs: number;
  /** Until the end of a small body. */
  readonly bodyMs: number;
  /** Until the end of a blob. */
  readonly blobMs: number;
  /** Of everything that is asked of the edge. */
  readonly allMs: number;
  /** The largest blob that is read. */
  readonly blobBytes: number;
}

const LIMITS: ExaminationLimits = {
  answerMs: 10_000,
  bodyMs: 10_000,
  blobMs: 60_000,
  allMs: 180_000,
  blobBytes: 256 * 1024 * 1024,
};

/** Plain HTTP is often dropped without an answer, which is fine. */
const PLAIN_ANSWER_MS = 3000;

/** There was no answer to the first request, so there is nothing to judge. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`The edge did not answer: ${failure.detail}.`);
    this.failure = failure;
  }
}

/** @throws {UnreachableError} if the edge does not answer `GET /v2/` at all */
export async function examine(options: ExaminationOptions): Promise<Examination> {
  const limits = { ...LIMITS, ...options.limits };
  const agents = createAgents(options.proxies);
  try {
    const at = new Date().toISOString();
    const requester = new Requester(agents, limits, AbortSignal.timeout(limits.allMs));
    const edge = new Edge(options.url, requester, options.token);
    const first = await askFirst(edge, options);
    const { configuration } = options;
    const reader =
      'notLooked' in configuration ? configuration : await openBucket(configuration, agents, options);
    const bucket = reader instanceof BucketReader ? reader : undefined;
    const images = 'notLooked' in configuration ? [] : configuration.images;
    const image = isWorthAsking(first)
      ? await chooseImage(options.image, { edge, catalog: first.catalog, bucket, images })
      : undefined;
    const registry =
      image && (await askRegistry(edge, requester, image, { bucket, limits, say: options.say }));
    return {
      url: options.url,
      at,
      hasToken: options.token !== undefined,
      wantsChallenge: options.wantsChallenge,
      ...first,
      plain: await askPlainly(options, requester),
      certificate: requester.certificate,
      registry,
      bucket:
        reader instanceof BucketReader
          ? await observeBucket(reader, registry?.image, image, options)
          : reader,
      clocks: {
        edgeAheadMs: requester.clocks.edge.aheadMs,
        storeAheadMs: requester.clocks.store.aheadMs ?? bucket?.aheadMs,
      },
    };
  } finally {
    agents.httpAgent.destroy();
    agents.httpsAgent.destroy();
  }
}

async function askFirst(edge: Edge, { token, say }: ExaminationOptions): Promise<FirstReplies> {
  say(`${edge.url}: /v2/, its health, and its list of images`);
  const { reply: ping } = await edge.askAnonymously('/v2/');
  if (ping.kind === 'failure') throw new UnreachableError(ping);
  const pingWithToken = token === undefined ? undefined : (await edge.ask('GET', '/v2/')).reply;
  const { reply: health } = await edge.askAnonymously('/healthz');
  const last = pingWithToken ?? ping;
  const isIn = last.kind === 'answer' && last.status === 200;
  const catalog = isIn ? (await edge.ask('GET', '/v2/_catalog?n=100')).reply : undefined;
  return { ping, pingWithToken, health, catalog };
}

function openBucket(configuration: Configuration, agents: Agents, { say }: ExaminationOptions) {
  say('the bucket of lifeboat.yaml');
  return BucketReader.open(configuration, agents);
}

/** The tag is one that clients ask for to find signatures: the edge does not report it as an image that somebody misses. */
const ABSENT_TAG = `sha256-${'0'.repeat(64)}.sig`;
const ABSENT_BLOB = `sha256:${'0'.repeat(64)}`;

async function askRegistry(
  edge: Edge,
  requester: Requester,
  image: ChosenImage | NotLooked,
  {
    bucket,
    limits,
    say,
  }: {
    readonly bucket: BucketReader | undefined;
    readonly limits: ExaminationLimits;
    readonly say: (what: string) => void;
  },
): Promise<NonNullable<Examination['registry']>> {
  const name = 'notLooked' in image ? 'docker.io/library/lifeboat-doctor' : image.reference.repository;
  say('an image that does not exist, and a push');
  const get = async (path: string, asked: string): Promise<Reply> =>
    (await edge.ask('GET', path, { asked })).reply;
  return {
    absentManifest: await get(`/v2/${name}/manifests/${ABSENT_TAG}`, 'GET of a tag that does not exist'),
    absentBlob: await get(`/v2/${name}/blobs/${ABSENT_BLOB}`, 'GET of a blob that does not exist'),
    write: await push(edge, name),
    image:
      'notLooked' in image
        ? image
        : await pullImage(image, {
            edge,
            requester,
            bucket,
            limits: { maxBytes: limits.blobBytes, bodyMs: limits.blobMs },
            say,
          }),
  };
}

/** Begins an upload, which an edge refuses. A registry that takes it is told that nothing follows. */
async function push(edge: Edge, name: string): Promise<Reply> {
  const { reply } = await edge.ask('POST', `/v2/${name}/blobs/uploads/`);
  const location = reply.kind === 'answer' && reply.status === 202 ? reply.headers['location'] : undefined;
  const upload = location === undefined ? null : URL.parse(location, edge.url);
  // Another host must not get the token.
  if (upload?.origin === edge.url) await edge.ask('DELETE', `${upload.pathname}${upload.search}`);
  return reply;
}

async function observeBucket(
  reader: BucketReader,
  replies: ImageReplies | NotLooked | undefined,
  image: ChosenImage | NotLooked | undefined,
  { edgeKey, say }: ExaminationOptions,
): Promise<BucketObservation> {
  say('the bucket: its audience, its conditions, and its keys');
  const digest = replies !== undefined && 'manifest' in replies ? replies.manifest?.digest : undefined;
  if (image === undefined || 'notLooked' in image || digest === undefined || !isDigest(digest)) {
    return reader.observe({ notLooked: 'the edge answered with no image' }, edgeKey);
  }
  const { repository, tag } = image.reference;
  return reader.observe({ repository, tag, digest }, edgeKey);
}

/** Only the usual port of plain HTTP belongs to the usual port of https. */
async function askPlainly({ url }: ExaminationOptions, requester: Requester): Promise<Reply | undefined> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'https:' || port !== '') return undefined;
  const question = { method: 'GET', url: `http://${hostname}/v2/`, asked: 'GET http://…/v2/' } as const;
  return (await requester.ask({ ...question, clock: undefined, answerMs: PLAIN_ANSWER_MS })).reply;
}
