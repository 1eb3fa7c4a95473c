/** The result of one check: it is fine, it is a problem with a reason and a next step, or it was not looked at. */

/** Each check with its topic, in the order in which they are shown. */
export const CHECKS = {
  answers: 'connection',
  certificate: 'connection',
  https: 'connection',
  'first-byte': 'connection',
  clocks: 'connection',
  throttled: 'connection',
  html: 'connection',
  redirected: 'connection',
  'server-error': 'connection',
  unanswered: 'connection',
  registry: 'registry',
  lifeboat: 'registry',
  unavailable: 'registry',
  health: 'registry',
  token: 'access',
  challenge: 'access',
  absent: 'registry',
  write: 'access',
  catalog: 'registry',
  tags: 'registry',
  'tag-list': 'registry',
  referrers: 'registry',
  prefix: 'names',
  ns: 'names',
  'prefix-and-ns': 'names',
  'default-upstream': 'names',
  namespace: 'names',
  tag: 'manifests',
  digest: 'manifests',
  length: 'manifests',
  'digest-header': 'manifests',
  'media-type': 'manifests',
  encoding: 'manifests',
  'manifest-bytes': 'manifests',
  child: 'manifests',
  'blob-head': 'blobs',
  'blob-missing': 'blobs',
  store: 'blobs',
  'blob-bytes': 'blobs',
  range: 'blobs',
  authorization: 'blobs',
  lifetime: 'blobs',
  audience: 'bucket',
  'same-bucket': 'bucket',
  conditions: 'bucket',
  'edge-key-read': 'bucket',
  'edge-key-write': 'bucket',
} as const satisfies Record<string, string>;

export type Check = keyof typeof CHECKS;
export type Topic = (typeof CHECKS)[Check];

export const TOPICS = [
  'connection',
  'registry',
  'access',
  'names',
  'manifests',
  'blobs',
  'bucket',
] as const satisfies readonly Topic[];

export type Finding = Fine | Problem | Skipped;

interface Fine {
  readonly check: Check;
  readonly outcome: 'ok';
  /** A sentence without its full stop, as the other texts here. */
  readonly says: string;
}

export interface Problem {
  readonly check: Check;
  readonly outcome: 'problem';
  readonly says: string;
  readonly because: string;
  /** The advice: what to change, or to look at. */
  readonly next: string;
}

interface Skipped {
  readonly check: Check;
  readonly outcome: 'not looked at';
  readonly says: string;
}

export function fine(check: Check, says: string): Finding {
  return { check, outcome: 'ok', says };
}

export function problem(check: Check, says: string, because: string, next: string): Finding {
  return { check, outcome: 'problem', says, because, next };
}

export function skipped(check: Check, says: string): Finding {
  return { check, outcome: 'not looked at', says };
}

export function isProblem(finding: Finding): finding is Problem {
  return finding.outcome === 'problem';
}
