/** Judges the connection: who answers, how fast, by which certificate and clock. */
import { fine, problem, skipped, type Finding } from './finding.ts';
import type { Answer, Clocks, Examination, Failure, Reply } from './observation.ts';
import { isLooked } from './observation.ts';
import { describeFailure, describeReply, errorOf, faultOf, listAsked, type Fault } from './reply.ts';

const DAY_MS = 24 * 3_600_000;
/** Certificates that renew themselves do so 30 days before their end, so one with less than half of that is stuck. */
const MIN_CERTIFICATE_DAYS = 14;
/** containerd before 2.3 and containers/image have no time limit of their own, so a slow answer holds a pull up. */
const MAX_FIRST_BYTE_MS = 5000;
/** S3 refuses signatures that are 15 minutes off. Kerberos and the job allow five. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;

/** Every reply of the edge to a registry's request. Health, redirect targets and plain HTTP are judged apart. */
export function repliesOf({ ping, pingWithToken, catalog, registry }: Examination): Reply[] {
  const begun = [ping, pingWithToken, catalog].filter((reply) => reply !== undefined);
  if (registry === undefined) return begun;
  const { absentManifest, absentBlob, write, image } = registry;
  const first = [...begun, absentManifest, absentBlob, write];
  if (!isLooked(image)) return first;
  const { tag, tags, manifest, child, referrers, names, blob } = image;
  return [
    ...first,
    ...(tag === undefined ? [] : [tag.head, tag.get]),
    tags,
    ...[manifest, child].flatMap((one) => (one === undefined ? [] : [one.head, one.get])),
    ...(referrers === undefined ? [] : [referrers]),
    names.ns,
    names.prefixAndNs,
    ...(isLooked(names.defaultUpstream) ? [names.defaultUpstream] : []),
    // A blob may be redirected, and its HEAD has a check of its own for that.
    ...(isLooked(blob) ? [blob.head, blob.get, blob.getAuthorized].filter((one) => !isRedirect(one)) : []),
  ];
}

/** It is no type guard, because an answer without a redirect is an answer too. */
export function isRedirect(reply: Reply): boolean {
  return reply.kind === 'answer' && reply.status >= 300 && reply.status < 400 && reply.status !== 304;
}

const FAULTS: readonly Fault[] = [
  'throttled',
  'html',
  'redirected',
  'server-error',
  'unanswered',
  'unavailable',
];

export function judgeConnection(examination: Examination): Finding[] {
  const replies = repliesOf(examination);
  const faults = FAULTS.flatMap((fault) => {
    const found = replies.filter((reply) => faultOf(reply) === fault);
    return found.length === 0 ? [] : [explainFault(fault, found)];
  });
  const answers = replies.filter((reply) => reply.kind === 'answer');
  return [
    ...(faults.length > 0
      ? faults
      : [fine('answers', `each of ${answers.length} answers was a registry's own`)]),
    judgeCertificate(examination),
    judgeHttps(examination),
    judgeFirstByte(answers),
    judgeClocks(examination),
  ];
}

function explainFault(fault: Fault, found: readonly Reply[]): Finding {
  const [first] = found;
  const asked = listAsked(found);
  switch (fault) {
    case 'throttled':
      return problem(
        fault,
        `${asked} got 429`,
        'skopeo waits 30 seconds before it falls back, and containerd repeats the request six times',
        'the edge itself never answers 429: look for a rate limit in front of it (a rule of the firewall, the plan of the account), and except /v2/',
      );
    case 'html':
      return problem(
        fault,
        `${asked} got status 200 and an HTML page`,
        'every client takes a page with status 200 for the image, and fails without a fallback',
        'let /v2/ lead to the edge: look for a login page, a default page or another site at this address',
      );
    case 'redirected':
      return problem(
        fault,
        `${asked} got a redirect${locationOf(first)}`,
        'only a GET of a blob may be redirected: clients follow to a page that is no registry',
        'take the redirect away in front of the edge, such as a login (Cloudflare Access) or another host name',
      );
    case 'server-error':
      return problem(
        fault,
        `${asked} ${first === undefined ? '' : describeReply(first)}`,
        'this answer is not in the form of the edge, so it comes from something in front of it, or the edge did not start',
        "look at the log of what stands in front of the edge, and at the edge's own (npx wrangler tail)",
      );
    case 'unanswered':
      return problem(
        fault,
        `${asked} ${first?.kind === 'failure' ? describeReply(first) : 'got an answer that broke off'}`,
        'a client waits, and CRI-O and podman fail if it happens after the manifest',
        'ask again; if it happens again, look for what closes or holds connections between here and the edge',
      );
    case 'unavailable':
      return problem(
        fault,
        `${asked} got 503 UNAVAILABLE: ${first?.kind === 'answer' ? (errorOf(first)?.message ?? '') : ''}`,
        "the edge's variables cannot be used, or no store answers it",
        "correct the variable that the sentence names, or look at the stores in the edge's log (npx wrangler tail)",
      );
  }
}

function locationOf(reply: Reply | undefined): string {
  const location = reply?.kind === 'answer' ? reply.headers['location'] : undefined;
  const host = location === undefined ? undefined : URL.parse(location)?.host;
  return host === undefined ? '' : ` to ${host}`;
}

function judgeCertificate({ url, at, certificate }: Examination): Finding {
  if (!url.startsWith('https:')) return skipped('certificate', 'the address is plain HTTP');
  if (certificate === undefined) return skipped('certificate', 'the connection did not show it');
  const days = Math.floor((Date.parse(certificate.validUntil) - Date.parse(at)) / DAY_MS);
  const until = certificate.validUntil.slice(0, 10);
  if (days >= MIN_CERTIFICATE_DAYS)
    return fine('certificate', `the certificate is valid for ${days} more days`);
  return problem(
    'certificate',
    `the certificate ends on ${until}, in ${days} day${days === 1 ? '' : 's'}`,
    'after that no client connects, and all of them fall back at once',
    `renew it (its issuer is ${certificate.issuer}), and look why that did not happen by itself`,
  );
}

function judgeHttps({ url, plain, hasToken }: Examination): Finding {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:') {
    if (isLoopback(hostname)) return skipped('https', 'the address is on this machine');
    return problem(
      'https',
      'the address is plain HTTP',
      'Docker takes no such mirror, the others need a setting for it, and anybody on the way can answer for a tag',
      'give the edge an https address',
    );
  }
  if (plain === undefined) return skipped('https', 'plain HTTP: the address has a port of its own');
  if (plain.kind === 'failure') return fine('https', 'plain HTTP is not answered');
  if (isRedirect(plain) && plain.headers['location']?.startsWith('https:') === true) {
    return fine('https', 'plain HTTP is redirected to https');
  }
  if (!hasToken) return fine('https', 'https is answered (and plain HTTP too)');
  return problem(
    'https',
    'plain HTTP is answered too',
    'a client that is pointed at http:// sends its token for anybody on the way to read',
    'redirect plain HTTP to https ("Always Use HTTPS" of the zone)',
  );
}

export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function judgeFirstByte(answers: readonly Answer[]): Finding {
  const sorted = answers.toSorted((one, other) => one.firstByteMs - other.firstByteMs);
  const [median, slowest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  if (median === undefined || slowest === undefined) return skipped('first-byte', 'nothing was answered');
  if (slowest.firstByteMs <= MAX_FIRST_BYTE_MS) {
    return fine(
      'first-byte',
      `the first byte comes after ${inMs(median)}, and after ${inMs(slowest)} at most`,
    );
  }
  return problem(
    'first-byte',
    `the first byte of ${slowest.asked} came after ${inMs(slowest)}`,
    'most clients have no time limit of their own, so each slow answer holds a pull up',
    'look at how long the stores take in the log of the edge ("ms" of a line), and at the way from here to the edge',
  );
}

function inMs({ firstByteMs }: Answer): string {
  return `${Math.round(firstByteMs)} ms`;
}

/**
 * How far the clock by which signed addresses are judged is ahead of this machine's; undefined if the clocks contradict
 * each other, which is named by a check of its own.
 */
export function signingAheadMs({ edgeAheadMs: edge, storeAheadMs: store }: Clocks): number | undefined {
  const known = store ?? edge ?? 0;
  const other = store === undefined ? 0 : (edge ?? 0);
  return Math.abs(known - other) <= MAX_CLOCK_DIFFERENCE_MS ? known : undefined;
}

/** Names the clock that contradicts the others, because one wrong clock is more likely than two. */
function judgeClocks({ clocks: { edgeAheadMs: edge, storeAheadMs: store } }: Examination): Finding {
  if (edge === undefined && store === undefined) return skipped('clocks', 'no answer says a time');
  const off = [edge, store].filter((one) => one !== undefined && Math.abs(one) > MAX_CLOCK_DIFFERENCE_MS);
  if (off.length === 0) {
    const largest = Math.max(...[edge, store].map((one) => Math.abs(one ?? 0)));
    const whose = store === undefined ? 'the edge and this machine' : 'the edge, the store and this machine';
    const seconds = Math.ceil(largest / 1000);
    return fine('clocks', `the clocks of ${whose} agree${seconds === 0 ? '' : ` within ${seconds} s`}`);
  }
  const areTogether =
    edge !== undefined && store !== undefined && Math.abs(edge - store) <= MAX_CLOCK_DIFFERENCE_MS;
  if (areTogether) {
    return problem(
      'clocks',
      `this machine's clock is ${describeOffset(-(edge ?? 0))}`,
      'the edge and the store agree with each other. A job on this machine would refuse to run, or take digests for older than they are',
      "set this machine's clock (chrony or systemd-timesyncd keeps it right)",
    );
  }
  const isEdge = edge !== undefined && Math.abs(edge) > MAX_CLOCK_DIFFERENCE_MS;
  if (isEdge) {
    return problem(
      'clocks',
      `the edge's clock is ${describeOffset(edge)}`,
      'the edge signs the addresses of blobs by its clock, and a store refuses a signature that is 15 minutes off',
      'set the clock of the machine that runs the edge, or look for a cache in front of it that keeps answers with their Date',
    );
  }
  return problem(
    'clocks',
    `the store's clock is ${describeOffset(store ?? 0)}`,
    'the store judges signatures by its clock, and refuses those of the edge and of the job',
    "set the store's clock",
  );
}

function describeOffset(aheadMs: number): string {
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  return `${minutes} min ${aheadMs > 0 ? 'ahead' : 'behind'}`;
}

/** Says in one sentence why an edge could not be examined at all. */
export function describeUnreachable(url: string, failure: Failure): { says: string; next: string } {
  return { says: `${url} could not be examined: ${describeFailure(failure)}`, next: NEXT[failure.reason] };
}

const NEXT = {
  dns: "Check the name, and this machine's DNS.",
  refused: 'Check the port, and whether the edge runs.',
  silent: 'Check the address, and the firewalls and proxies between here and the edge.',
  closed: 'Check whether the address wants https instead of http, and what stands in front of the edge.',
  certificate:
    'Check that the certificate is for this host and still valid. For an authority of your own, set NODE_EXTRA_CA_CERTS=FILE here, and give the file to each client too.',
  other: 'Check the address.',
} as const satisfies Record<Failure['reason'], string>;
