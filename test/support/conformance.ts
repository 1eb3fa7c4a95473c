/**
 * Runs the official conformance suite of the distribution specification. docs/decisions/0004-conformance-suite.md says
 * which commit of it this is, and what it does not check.
 * https://github.com/opencontainers/distribution-spec/tree/97274622c111/conformance
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from './content.ts';
import { runProgram } from './process.ts';
import { requireProgram } from './programs.ts';

const SUITE = 'OCI Conformance Test/';

/**
 * The outcomes as the suite prints them. `Disabled` means that the settings leave the check out. `Skip` means that the
 * suite tries the check and gives up.
 */
const OUTCOMES = ['Pass', 'Skip', 'Disabled', 'FAIL', 'Error'] as const;

export type Outcome = (typeof OUTCOMES)[number];

export interface Check {
  /**
   * The check's name in the suite, without the name of the suite itself, as `image/push/blob-post-put`. Several checks
   * can share a name.
   */
  readonly name: string;
  readonly outcome: Outcome;
  /** The reason why the check was skipped, or the expected and the actual result. */
  readonly reason: string;
}

export interface ConformanceResult {
  readonly checks: readonly Check[];
  readonly code: number | null;
}

/** The content that a registry has already, for a suite that pushes nothing. */
export interface ReadOnlyContent {
  readonly tags: readonly string[];
  readonly manifests: readonly Digest[];
  readonly blobs: readonly Digest[];
  /** The digests of the subjects whose referrers are read. */
  readonly referrers: readonly Digest[];
}

/**
 * The tests of a read-only run. With pushes disabled, this commit of the suite panics after its last test, before it
 * prints its results. It does not panic with a filter on one test.
 */
const READ_ONLY = ['ping', 'empty', 'read-only', 'missing-manifest', 'invalid-digest-format'];

/** Runs the suite without pushes. @throws if the program is missing, does not end in time, or prints no results */
export async function readConformance(
  host: string,
  repository: string,
  content: ReadOnlyContent,
): Promise<ConformanceResult> {
  const settings = {
    OCI_REPO1: repository,
    OCI_API_PUSH: 'false',
    OCI_RO_DATA_TAGS: content.tags.join(' '),
    OCI_RO_DATA_MANIFESTS: content.manifests.join(' '),
    OCI_RO_DATA_BLOBS: content.blobs.join(' '),
    OCI_RO_DATA_REFERRERS: content.referrers.join(' '),
  };
  const results: ConformanceResult[] = [];
  for (const test of READ_ONLY) {
    results.push(await runConformance(host, { ...settings, OCI_FILTER_TEST: `${SUITE}${test}` }));
  }
  return {
    checks: results.flatMap(({ checks }) => checks),
    code: Math.max(...results.map(({ code }) => code ?? Infinity)),
  };
}

/** Pushes its own content into two repositories of that folder, and reads it. @throws the same errors as `readConformance` */
export async function pushConformance(host: string, folder: string): Promise<ConformanceResult> {
  return runConformance(host, { OCI_REPO1: `${folder}/one`, OCI_REPO2: `${folder}/two` });
}

/** Counts the checks with this outcome, by name. */
export function countChecks({ checks }: ConformanceResult, outcome: Outcome): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const check of checks) {
    if (check.outcome === outcome) counts[check.name] = (counts[check.name] ?? 0) + 1;
  }
  return counts;
}

/** Runs the suite without deletions, because a mirror keeps content that its upstream deletes. */
async function runConformance(
  host: string,
  settings: Readonly<Record<string, string>>,
): Promise<ConformanceResult> {
  const program = await requireProgram('distribution-conformance');
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-conformance-'));
  try {
    const { code, stdout, stderr } = await runProgram(program, [], {
      cwd: folder,
      timeout: 900_000,
      env: {
        OCI_VERSION: '1.1',
        OCI_REGISTRY: host,
        OCI_TLS: 'disabled',
        OCI_RESULTS_DIR: folder,
        OCI_API_BLOBS_DELETE: 'false',
        OCI_API_MANIFESTS_DELETE: 'false',
        OCI_API_TAGS_DELETE: 'false',
        ...settings,
      },
    });
    const checks = checksOf(stdout);
    if (checks.length === 0)
      throw new Error(`The suite ended with ${code} and no results:\n${stdout}${stderr}`);
    return { checks, code };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Parses the printed output, because a part of the suite that does not try an API writes no report. Results are
 * indented by their depth. A result with none below it is a check, and the others sum up the results below them.
 */
function checksOf(output: string): Check[] {
  const [printed = ''] = output.split('\n\nConfiguration:\n', 1);
  const results = printed
    .split(/\n(?= *OCI Conformance Test)/)
    .map((text) => /^( *)(OCI Conformance Test.*): (\w+)(?:\n|$)([^]*)$/.exec(text))
    .filter((match) => match !== null);
  return results.flatMap(([, indent = '', name = '', outcome = '', reason = ''], index) => {
    const [, next = ''] = results[index + 1] ?? [];
    if (next.length > indent.length) return [];
    if (!isOutcome(outcome)) throw new Error(`The suite reports the unknown outcome "${outcome}".`);
    return [{ name: name.replace(SUITE, ''), outcome, reason: reason.trim() }];
  });
}

function isOutcome(text: string): text is Outcome {
  return OUTCOMES.some((one) => one === text);
}
