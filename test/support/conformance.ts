/**
 * The official conformance suite of the distribution specification, told to read what is there and to push
 * nothing. docs/decisions/0004-conformance-suite.md says which commit of it this is, and what it does not ask.
 * https://github.com/opencontainers/distribution-spec/tree/7fcdf80f3c8b/conformance
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from './content.ts';
import { runProgram } from './process.ts';
import { requireProgram } from './programs.ts';

export interface ConformanceRequest {
  /** `http://host:port`. */
  readonly url: string;
  readonly repository: string;
  /** All that its list has; two at least, since the suite asks for half of them. */
  readonly tags: readonly string[];
  /** One of them, and the digest that it names. */
  readonly tag: string;
  readonly manifest: Digest;
  readonly blob: Digest;
}

export type Outcome = 'passed' | 'skipped' | 'failed';

export interface ConformanceResult {
  /** By name, in the suite's order: `Pull Pull blobs GET nonexistent blob should result in 404 response`. */
  readonly checks: ReadonlyMap<string, Outcome>;
  /** Of each check that failed, its name, and what it expected and got. */
  readonly failures: readonly string[];
  readonly code: number | null;
}

/**
 * It puts a manifest and wants 400 or 404 for it; a registry that is read-only says 405 to every PUT, as the
 * specification has it for what is not supported.
 */
const NEEDS_PUSH = '400 response body should contain OCI-conforming JSON message';

/** @throws when the program is missing, does not end in time, or ends without a report */
export async function runConformance(request: ConformanceRequest): Promise<ConformanceResult> {
  const program = await requireProgram('oci-conformance');
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-conformance-'));
  try {
    const { code, stdout, stderr } = await runProgram(
      program,
      ['-ginkgo.noColor', `-ginkgo.skip=${NEEDS_PUSH}`],
      {
        cwd: folder,
        env: {
          OCI_ROOT_URL: request.url,
          OCI_NAMESPACE: request.repository,
          OCI_TEST_PULL: '1',
          OCI_TEST_PUSH: '0',
          OCI_TEST_CONTENT_DISCOVERY: '1',
          OCI_TEST_CONTENT_MANAGEMENT: '0',
          OCI_TAG_NAME: request.tag,
          OCI_MANIFEST_DIGEST: request.manifest,
          OCI_BLOB_DIGEST: request.blob,
          OCI_TAG_LIST: request.tags.join(','),
        },
      },
    );
    const report = await readFile(join(folder, 'junit.xml'), 'utf8').catch((cause: unknown) => {
      throw new Error(`The suite ended with ${code} and left no report:\n${stdout}${stderr}`, { cause });
    });
    return { ...resultsOf(report), code };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const SUITE = 'OCI Distribution Conformance Tests ';

function resultsOf(report: string): Pick<ConformanceResult, 'checks' | 'failures'> {
  const checks = new Map<string, Outcome>();
  const failures: string[] = [];
  const cases = /<testcase name="([^"]*)"(.*?)(?=<testcase |<\/testsuite>)/gs;
  for (const [, quoted = '', rest = ''] of report.matchAll(cases)) {
    const name = unescape(quoted).replace(SUITE, '');
    if (checks.has(name)) throw new Error(`The suite reports "${name}" twice.`);
    const [, failure] = /<failure[^>]*>(.*?)<\/failure>/s.exec(rest) ?? [];
    if (failure !== undefined) failures.push(`${name}: ${unescape(failure).trim()}`);
    checks.set(name, failure !== undefined ? 'failed' : rest.includes('<skipped') ? 'skipped' : 'passed');
  }
  return { checks, failures };
}

/** The report's `&#34;`, `&#xA;` and `&amp;`. */
function unescape(text: string): string {
  return text
    .replaceAll(/&#x([0-9a-f]+);/gi, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 16)))
    .replaceAll(/&#(\d+);/g, (_, digits: string) => String.fromCodePoint(Number(digits)))
    .replaceAll('&amp;', '&');
}
