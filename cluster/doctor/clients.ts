/**
 * Says what each client would do at this edge. The table has what was seen or read of each client, for every problem that
 * changes what it does (docs/doctor.md).
 */
import { isClosed } from './access.ts';
import { isProblem, type Check, type Finding } from './finding.ts';
import type { Examination } from './observation.ts';

export const CLIENTS = {
  containerd: 'containerd',
  'containers-image': 'CRI-O, podman, skopeo',
  docker: 'Docker',
  buildkit: 'BuildKit',
} as const satisfies Record<string, string>;

export type Client = keyof typeof CLIENTS;

/** From the best to the worst. `unknown` is worse than a pull, and says less than a failure. */
const VERDICTS = ['pulls', 'unknown', 'falls back', 'fails'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface ClientVerdict {
  readonly client: Client;
  readonly verdict: Verdict;
  /** The reasons, as parts of a sentence; for a client that pulls, what does not work all the same. */
  readonly because: readonly string[];
}

type Effect = readonly [verdict: Verdict, because: string];
type Effects = Partial<Record<Client, Effect>>;

function all(verdict: Verdict, because: string): Effects {
  const effect: Effect = [verdict, because];
  return { containerd: effect, 'containers-image': effect, docker: effect, buildkit: effect };
}

const STAYS = 'they stay with the mirror that gave the manifest';

/** Problems that are not listed change nothing for a pull. */
const EFFECTS: Partial<Record<Check, Effects>> = {
  throttled: {
    containerd: ['falls back', 'it repeats a request that gets 429 six times first'],
    'containers-image': ['falls back', 'they wait 30 seconds or more after a 429 first'],
    docker: ['falls back', 'it gets 429'],
    buildkit: ['falls back', 'it repeats a request that gets 429 first'],
  },
  html: all('fails', 'a page with status 200 is taken for the image'),
  redirected: all('fails', 'the redirect leads to something that is no registry'),
  'server-error': {
    containerd: ['falls back', 'it gets an error'],
    'containers-image': ['fails', `they get an error, and if it comes after the manifest, ${STAYS}`],
    docker: ['falls back', 'it gets an error, and repeats the request up to five times first'],
    buildkit: ['falls back', 'it gets an error'],
  },
  unanswered: {
    containerd: ['falls back', 'a request got no answer; if it hangs, the pull waits'],
    'containers-image': ['fails', `a request got no answer, and if that comes after the manifest, ${STAYS}`],
    docker: ['falls back', 'a request got no answer'],
    buildkit: ['falls back', 'a request got no answer; if it hangs, the pull waits'],
  },
  unavailable: all('falls back', 'the edge says 503'),
  audience: all('falls back', 'the edge says 503 as long as its audience is not that of its bucket'),
  registry: all('falls back', 'there is no registry at /v2/'),
  lifeboat: all('unknown', 'this is no Lifeboat edge'),
  https: {
    'containers-image': ['falls back', 'they need insecure = true for plain HTTP'],
    buildkit: ['falls back', 'it needs http = true for plain HTTP'],
  },
  token: all('falls back', 'the edge refuses it'),
  challenge: {
    containerd: [
      'pulls',
      "without the token in hosts.toml its CRI sends the pod's pull secret for the upstream to this edge",
    ],
    docker: ['falls back', 'it answers the challenge with its Docker Hub login, which this edge then has'],
    buildkit: ['falls back', 'it answers the challenge with a login that is not for this edge'],
  },
  prefix: {
    containerd: ['falls back', 'it does not find the image by its name'],
    'containers-image': ['falls back', 'they do not find the image by its name'],
    buildkit: ['falls back', 'it does not find the image by its name'],
  },
  ns: { containerd: ['pulls', "a file of the registry's own is needed: _default does not work"] },
  'prefix-and-ns': {
    containerd: ['falls back', 'it sends the registry in the path and as ?ns=, and gets no image'],
  },
  'default-upstream': {
    docker: ['falls back', 'it sends names without the registry, and the default upstream is another one'],
  },
  tags: {
    containerd: ['pulls', 'digests only: for a tag it asks the upstream'],
    'containers-image': ['pulls', 'digests only: for a tag they ask the upstream'],
    docker: ['falls back', 'it asks for tags, and this edge answers digests only'],
    buildkit: ['falls back', 'it asks for tags, and this edge answers digests only'],
  },
  tag: all('falls back', 'this image is not answered by its tag'),
  digest: all('falls back', 'this image is not answered by its digest'),
  length: {
    containerd: [
      'pulls',
      'a failure of the edge is not followed by a fallback, because HEAD has no Content-Length',
    ],
    buildkit: [
      'pulls',
      'a failure of the edge is not followed by a fallback, because HEAD has no Content-Length',
    ],
  },
  'digest-header': {
    containerd: [
      'pulls',
      'a failure of the edge is not followed by a fallback, because HEAD has no Docker-Content-Digest',
    ],
    buildkit: [
      'pulls',
      'a failure of the edge is not followed by a fallback, because HEAD has no Docker-Content-Digest',
    ],
  },
  'media-type': all('fails', 'a manifest has the wrong Content-Type'),
  encoding: all(
    'unknown',
    'it depends on the version whether an answer that is compressed on its way is accepted',
  ),
  'manifest-bytes': all('fails', 'a manifest does not have the bytes of its digest'),
  child: {
    containerd: ['falls back', 'the index is here without its images'],
    'containers-image': ['fails', `the index is here without its images, and ${STAYS}`],
    docker: ['falls back', 'the index is here without its images'],
    buildkit: ['falls back', 'the index is here without its images'],
  },
  'blob-missing': {
    containerd: ['falls back', 'a blob is missing'],
    'containers-image': ['fails', `a blob is missing, and ${STAYS}`],
    docker: ['falls back', 'a blob is missing'],
    buildkit: ['falls back', 'a blob is missing'],
  },
  store: {
    containerd: ['falls back', 'it gets the manifest from here and no blob'],
    'containers-image': ['fails', `no blob can be had, and ${STAYS}`],
    docker: ['falls back', 'it gets the manifest from here and no blob'],
    buildkit: ['falls back', 'it gets the manifest from here and no blob'],
  },
  'blob-bytes': all('fails', 'a blob does not have the bytes of its digest'),
  range: {
    containerd: ['pulls', 'a transfer that breaks off goes on at the upstream only'],
    'containers-image': ['pulls', 'a transfer that breaks off fails'],
    docker: ['pulls', 'a transfer that breaks off begins anew'],
    buildkit: ['pulls', 'a transfer that breaks off goes on at the upstream only'],
  },
  authorization: {
    containerd: ['falls back', 'with a token it sends the Authorization on to the store, which refuses that'],
    'containers-image': [
      'fails',
      'after a login they send the Authorization on to the store, which refuses that',
    ],
  },
};

/** With a token and without a challenge, only a client that can be told to send the token does so. */
const CLOSED: Effects = {
  containerd: ['pulls', 'the token has to be in its hosts.toml, as a header'],
  'containers-image': ['falls back', 'they send a token only if they are asked, and this edge does not ask'],
  docker: ['falls back', 'it sends no token to a mirror'],
  buildkit: ['falls back', 'it sends a token only if it is asked, and this edge does not ask'],
};

const CLOSED_AND_ASKING: Effects = {
  containerd: [
    'pulls',
    "the token has to be in its hosts.toml, as a header, or its CRI sends the pod's pull secret for the upstream to this edge",
  ],
  'containers-image': ['pulls', '"podman login" with the token as the password is needed'],
  docker: ['falls back', 'it answers the challenge with its Docker Hub login, which this edge refuses'],
  buildkit: ['falls back', 'it answers the challenge with a login that is not for this edge'],
};

/** Of every client, in the order of CLIENTS. */
export function judgeClients(examination: Examination, findings: readonly Finding[]): ClientVerdict[] {
  const problems = findings.filter((finding) => isProblem(finding));
  return clientNames().map((client) => {
    const found = problems
      .map(({ check }) => effectOf(check, client, examination))
      .filter((effect) => effect !== undefined);
    const isLifeboat = problems.every(({ check }) => check !== 'lifeboat');
    const access = isLifeboat ? accessEffect(examination, client) : undefined;
    const known = access === undefined ? found : [...found, access];
    if (known.some(([verdict]) => verdict !== 'pulls')) return worst(client, known);
    const unknown = whyUnknown(findings);
    return worst(client, unknown === undefined ? known : [...known, ['unknown', unknown]]);
  });
}

/** Some problems concern the operator alone: then no client does anything else. */
function effectOf(check: Check, client: Client, examination: Examination): Effect | undefined {
  const { url, ping, pingWithToken } = examination;
  // Plain HTTP beside https concerns no client, because clients are told the address with https.
  if (check === 'https' && url.startsWith('https:')) return undefined;
  // Everybody may read, although a token was given.
  if (check === 'token' && !isClosed(examination)) return undefined;
  // Clients look at the status of /v2/, and not at its Content-Type.
  const asked = pingWithToken ?? ping;
  if (check === 'registry' && asked.kind === 'answer' && asked.status === 200) return undefined;
  return EFFECTS[check]?.[client];
}

function clientNames(): Client[] {
  return ['containerd', 'containers-image', 'docker', 'buildkit'];
}

function accessEffect(examination: Examination, client: Client): Effect | undefined {
  const { ping } = examination;
  if (!isClosed(examination) || ping.kind === 'failure') return undefined;
  const asks = ping.headers['www-authenticate'] !== undefined;
  return (asks ? CLOSED_AND_ASKING : CLOSED)[client];
}

/** A client that was not seen to get an image and its blob may still fail at it. */
function whyUnknown(findings: readonly Finding[]): string | undefined {
  const outcomeOf = (check: Check) => findings.find((finding) => finding.check === check)?.outcome;
  if (outcomeOf('digest') !== 'ok') return 'no image was pulled';
  return outcomeOf('blob-bytes') === 'ok' ? undefined : 'no blob was pulled';
}

function worst(client: Client, effects: readonly Effect[]): ClientVerdict {
  const verdict = VERDICTS.findLast((one) => effects.some(([other]) => other === one)) ?? 'pulls';
  const because = effects.filter(([other]) => other === verdict).map(([, reason]) => reason);
  return { client, verdict, because: [...new Set(because)] };
}

/** A sentence without its full stop: `containerd pulls from here`. */
export function describeVerdict({ client, verdict, because }: ClientVerdict): string {
  const isMany = client === 'containers-image';
  const does = {
    pulls: `${isMany ? 'pull' : 'pulls'} from here`,
    unknown: `may or may not pull from here`,
    'falls back': `${isMany ? 'ask' : 'asks'} the upstream instead`,
    fails: isMany ? 'fail' : 'fails',
  } as const satisfies Record<Verdict, string>;
  const reasons = because.join('; ');
  if (reasons === '') return does[verdict];
  return verdict === 'pulls' ? `${does.pulls} (${reasons})` : `${does[verdict]}, because ${reasons}`;
}
