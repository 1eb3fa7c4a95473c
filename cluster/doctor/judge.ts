/** Judges a whole examination. Each mistake is named by one check, and checks that the mistake spoils are skipped. */
import { judgeAccess } from './access.ts';
import { judgeBlobs } from './blobs.ts';
import { audienceComplaint, judgeBucket } from './bucket.ts';
import { judgeClients, type ClientVerdict } from './clients.ts';
import { judgeConnection } from './connection.ts';
import { CHECKS, TOPICS, isProblem, problem, type Finding } from './finding.ts';
import { judgeManifests } from './manifests.ts';
import type { Examination } from './observation.ts';
import { judgeRegistry } from './registry.ts';

export interface Diagnosis {
  readonly url: string;
  /** The image that was pulled; undefined if none was. */
  readonly image: string | undefined;
  readonly findings: readonly Finding[];
  readonly clients: readonly ClientVerdict[];
}

export function judge(examination: Examination): Diagnosis {
  const findings = findingsOf(examination);
  const { url, registry } = examination;
  const image =
    registry !== undefined && 'reference' in registry.image ? registry.image.reference : undefined;
  return { url, image, findings, clients: judgeClients(examination, findings) };
}

/** Whether a check found a problem. */
export function hasProblem({ findings }: Diagnosis): boolean {
  return findings.some((finding) => isProblem(finding));
}

function findingsOf(examination: Examination): Finding[] {
  const found = [
    ...judgeConnection(examination),
    ...judgeRegistry(examination),
    ...judgeAccess(examination),
    ...judgeManifests(examination),
    ...judgeBlobs(examination),
    ...judgeBucket(examination),
  ];
  const order = Object.keys(CHECKS);
  return aboutOtherRegistry(aboutAudience(examination, found)).toSorted(
    (one, other) =>
      TOPICS.indexOf(CHECKS[one.check]) - TOPICS.indexOf(CHECKS[other.check]) ||
      order.indexOf(one.check) - order.indexOf(other.check),
  );
}

/** An edge over a bucket of another audience answers 503 to everything. The sentence about the audience says why. */
function aboutAudience(examination: Examination, findings: readonly Finding[]): Finding[] {
  const complaint = audienceComplaint(examination);
  if (complaint === undefined) return [...findings];
  const others = findings.filter(({ check }) => check !== 'unavailable');
  if (others.some((finding) => finding.check === 'audience' && isProblem(finding))) return others;
  return [
    ...others.filter(({ check }) => check !== 'audience'),
    problem(
      'audience',
      'the edge is for another audience than its bucket',
      `it says so: ${complaint}`,
      'set AUDIENCE at the edge to that of the bucket, or give it another bucket',
    ),
  ];
}

/** If another registry answers, its ways with tokens, challenges and pushes are no faults: its problems are left out. */
function aboutOtherRegistry(findings: readonly Finding[]): Finding[] {
  const isOther = findings.some((finding) => finding.check === 'lifeboat' && isProblem(finding));
  if (!isOther) return [...findings];
  return findings.filter((finding) => finding.check === 'lifeboat' || !isProblem(finding));
}
