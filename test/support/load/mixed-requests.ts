/** The requests of a soak, and their right answers: pulls, lists, misses, bad requests, and callers who may not read. */
import { bytesOf, digestOf, type Digest } from '../content.ts';
import { SPDX } from '../media-types.ts';
import { askStore, EdgeClient, type EdgeAnswer, type EdgeRequest } from './edge-client.ts';
import { TAG, TAGGED, tagNames, type LoadedImage } from './loaded-mirror.ts';
import { Random } from './random.ts';

/** Sends requests and returns what is wrong with the answers: a sentence, or undefined. */
type Act = (client: EdgeClient, random: Random) => Promise<string | undefined>;

export const TOKEN = 'token-of-the-nodes';
/** The redirects would lead to the edge's own host, 127.0.0.1, which a client with a token is never sent to. */
const HEADERS = { host: 'edge.test', authorization: `Bearer ${TOKEN}` };
const ABSENT: Digest = `sha256:${'0'.repeat(64)}`;
/** The keys of objects that do not exist, such as a drill that nobody has published. The edge asks for one each time. */
export const ABSENT_KEY = /\/absent(?:\/|$)|\/0{64}$|\/last-drill\.json$/;
const WRONG_TOKENS = ['Bearer wrong', 'Basic d3Jvbmc6d3Jvbmc=', 'Basic %%%', 'Digest x', 'Bearer'];
/** The paths that must not lead out of the repositories, or to another object. */
const ATTACKS = [
  '/v2/../../lifeboat.json',
  '/v2/mirror.test/team/../../../lifeboat.json/manifests/1',
  '/v2/mirror.test/team%2Fapp-0/manifests/1.0',
  '/v2/mirror.test/team/app-0/manifests/..%2F..%2F_index.json',
  '/v2/mirror.test/team/app-0/manifests/%00',
  '/v2/mirror.test/team/app-0/manifests/%',
  '/v2/mirror.test/team/app-0/blobs/sha256:..%2f..%2f..%2flifeboat.json',
  '/v2/mirror.test/team/app-0/blobs/sha256:abc',
  '/v2/mirror.test//app-0/tags/list',
  '/v2/_catalog/../mirror.test/team/app-0/_tags/1.0',
  '/v2/mirror.test/team/app-0/referrers/latest',
  `/v2/${'a/'.repeat(600)}manifests/1`,
];

/** @returns the kinds of requests by name */
export function mixedRequests(images: readonly LoadedImage[]): ReadonlyMap<string, Act> {
  return new Map(Object.entries({ ...pulls(images), ...lists(images), ...refusals(images) }));
}

/** Asks with the token, and compares the status, then the rest. */
async function expectAnswer(
  client: EdgeClient,
  request: EdgeRequest,
  statuses: readonly number[],
  wrong: (answer: EdgeAnswer) => string | undefined | Promise<string | undefined> = () => undefined,
): Promise<string | undefined> {
  const answer = await client.ask({ ...request, headers: { ...HEADERS, ...request.headers } });
  const name = `${request.method ?? 'GET'} ${request.path}`;
  if (!statuses.includes(answer.status)) {
    return `${name} is ${answer.status}, not ${statuses.join(' or ')}: ${answer.body.toString().slice(0, 200)}`;
  }
  const found = await wrong(answer);
  return found === undefined ? undefined : `${name}: ${found}`;
}

const hasDigest =
  (digest: Digest) =>
  ({ body }: EdgeAnswer): string | undefined =>
    digestOf(body) === digest ? undefined : `the body has other bytes than ${digest}.`;

function pulls(images: readonly LoadedImage[]): Record<string, Act> {
  const streamed = (random: Random) => {
    const { repository, content, streamed: blobs } = random.of(images);
    const { digest, size } = random.of(blobs);
    return { path: `/v2/${repository}/blobs/${digest}`, digest, size, blob: content.blobs.get(digest) };
  };
  const redirected = (random: Random) => {
    const image = random.of(images);
    return { path: `/v2/${image.repository}/blobs/${image.redirected.digest}`, ...image.redirected };
  };
  return {
    'a tag, HEAD': async (client, random) => {
      const { repository, index } = random.of(images);
      const request = { path: `/v2/${repository}/manifests/${TAG}`, method: 'HEAD' };
      return expectAnswer(client, request, [200], ({ headers }) =>
        headers['docker-content-digest'] === index ? undefined : 'it names another digest.',
      );
    },
    'a tag': async (client, random) => {
      const { repository, index } = random.of(images);
      return expectAnswer(client, { path: `/v2/${repository}/manifests/${TAG}` }, [200], hasDigest(index));
    },
    'a manifest': async (client, random) => {
      const image = random.of(images);
      const digest = random.of([image.index, image.manifest, image.sbom]);
      const path = `/v2/${image.repository}/manifests/${digest}`;
      return expectAnswer(client, { path }, [200], hasDigest(digest));
    },
    'a manifest that the client has': async (client, random) => {
      const { repository, index } = random.of(images);
      const headers = { 'if-none-match': `"${index}"` };
      return expectAnswer(client, { path: `/v2/${repository}/manifests/${index}`, headers }, [304]);
    },
    'a streamed blob': async (client, random) => {
      const { path, digest } = streamed(random);
      return expectAnswer(client, { path }, [200], hasDigest(digest));
    },
    'a streamed blob, HEAD': async (client, random) => {
      const { path, size } = streamed(random);
      return expectAnswer(client, { path, method: 'HEAD' }, [200], ({ headers }) =>
        headers['content-length'] === String(size) ? undefined : 'it has another length.',
      );
    },
    'a range of a streamed blob': async (client, random) => {
      const { path, size, blob } = streamed(random);
      const start = random.below(size);
      const end = start + random.below(size - start);
      const headers = { range: `bytes=${start}-${end}` };
      return expectAnswer(client, { path, headers }, [206], async ({ body }) => {
        if (blob === undefined) return 'the upstream has no such blob.';
        return (await bytesOf(blob)).subarray(start, end + 1).equals(body) ? undefined : 'other bytes.';
      });
    },
    'two ranges of a streamed blob': async (client, random) => {
      const { path } = streamed(random);
      const headers = { range: 'bytes=0-9,20-29' };
      return expectAnswer(client, { path, headers }, [206], ({ headers: { 'content-type': type = '' } }) =>
        type.startsWith('multipart/byteranges') ? undefined : `it is ${type}.`,
      );
    },
    'a range after the end': async (client, random) => {
      const { path } = streamed(random);
      return expectAnswer(client, { path, headers: { range: 'bytes=9999999-' } }, [416]);
    },
    'a client that leaves': async (client, random) => {
      await client.leave({ path: random.of([streamed, redirected])(random).path, headers: HEADERS });
      return undefined;
    },
    'a redirect': async (client, random) => {
      const { path, digest } = redirected(random);
      return expectAnswer(client, { path }, [307], async ({ headers: { location = '' } }) => {
        if (random.below(4) > 0) return location === '' ? 'it leads nowhere.' : undefined;
        const answer = await askStore(location);
        return answer.status === 200 ? hasDigest(digest)(answer) : `the store says ${answer.status}.`;
      });
    },
  };
}

function lists(images: readonly LoadedImage[]): Record<string, Act> {
  const tags = tagNames();
  return {
    'a page of tags': async (client, random) => {
      const first = random.below(tags.length);
      const count = 1 + random.below(tags.length);
      const last = first === 0 ? '' : `&last=${tags[first - 1]}`;
      const path = `/v2/${TAGGED}/tags/list?n=${count}${last}`;
      return expectAnswer(client, { path }, [200], ({ body, headers }) => {
        const page = tags.slice(first, first + count);
        if (body.toString() !== JSON.stringify({ name: TAGGED, tags: page })) return 'another page.';
        const hasNext = headers.link !== undefined;
        return hasNext === first + count < tags.length ? undefined : 'a wrong Link.';
      });
    },
    referrers: async (client, random) => {
      const { repository, index, sbom } = random.of(images);
      const type = random.of(['', `?artifactType=${encodeURIComponent(SPDX)}`, '?artifactType=none']);
      const path = `/v2/${repository}/referrers/${index}${type}`;
      return expectAnswer(client, { path }, [200], ({ body }) =>
        body.toString().includes(sbom) === !type.endsWith('=none') ? undefined : 'other referrers.',
      );
    },
    'no referrers': async (client, random) => {
      const path = `/v2/${random.of(images).repository}/referrers/${ABSENT}`;
      return expectAnswer(client, { path }, [200], ({ body }) =>
        body.toString().includes('"manifests":[]') ? undefined : 'it is no empty list.',
      );
    },
    'the catalogue': async (client) =>
      expectAnswer(client, { path: '/v2/_catalog' }, [200], ({ body }) =>
        images.every(({ repository }) => body.toString().includes(`"${repository}"`))
          ? undefined
          : 'it lacks a repository.',
      ),
    'a page': async (client, random) =>
      expectAnswer(client, { path: random.of(['/', `/r/${TAGGED}`, '/status', '/metrics']) }, [200, 403]),
    health: async (client, random) =>
      expectAnswer(client, { path: random.of(['/v2/', '/healthz', '/livez']) }, [200]),
  };
}

function refusals(images: readonly LoadedImage[]): Record<string, Act> {
  return {
    'a miss': async (client, random) => {
      const { repository } = random.of(images);
      const path = random.of([
        `/v2/${repository}/manifests/absent`,
        `/v2/${repository}/manifests/${ABSENT}`,
        `/v2/${repository}/blobs/${ABSENT}`,
        '/v2/mirror.test/team/absent/tags/list',
        '/v2/mirror.test/team/absent/manifests/1.0',
      ]);
      return expectAnswer(client, { path }, [404], errorCode);
    },
    'a path that is an attack': async (client, random) =>
      expectAnswer(client, { path: random.of(ATTACKS) }, [400, 404], errorCode),
    'a write': async (client, random) => {
      const method = random.of(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
      const path = random.of([`/v2/${TAGGED}/manifests/v0001`, `/v2/${TAGGED}/blobs/uploads/`, '/']);
      return expectAnswer(client, { path, method }, [405]);
    },
    'a wrong token': async (client, random) => {
      const { repository, index } = random.of(images);
      const path = random.of([`manifests/${TAG}`, `blobs/${index}`, 'tags/list', `referrers/${index}`]);
      const headers = { authorization: random.of(WRONG_TOKENS) };
      return expectAnswer(client, { path: `/v2/${repository}/${path}`, headers }, [403], errorCode);
    },
    'a repository that the token may not read': async (client) =>
      expectAnswer(client, { path: '/v2/docker.io/library/nginx/manifests/1' }, [403], errorCode),
  };
}

/** An OCI error has a code. */
function errorCode({ body }: EdgeAnswer): string | undefined {
  return /^\{"errors":\[\{"code":"[A-Z_]+"/.test(body.toString()) ? undefined : `it says ${body.toString()}.`;
}
