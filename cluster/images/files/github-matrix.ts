/**
 * The matrix of a job of GitHub Actions.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix
 */
import { combinationsOf } from './matrix.ts';
import type { YamlValue } from './yaml-value.ts';

/** GitHub's own limit for a matrix. */
const MAX_JOBS = 256;

/** The values of one job of a matrix. */
export type MatrixJob = ReadonlyMap<string, YamlValue>;

/**
 * Returns the values of each job. An axis that an expression computes has that expression as its only value.
 * @returns undefined for a matrix that an expression computes, or that is larger than GitHub allows
 */
export function jobsOfMatrix(matrix: YamlValue): readonly MatrixJob[] | undefined {
  const include = matrix.get('include');
  const items = include?.items ?? [];
  if (!matrix.isMap || include?.isList === false || items.length > MAX_JOBS) return undefined;
  const axes = new Map<string, readonly YamlValue[]>();
  for (const [key, value] of matrix.entries) {
    if (key !== 'include' && key !== 'exclude') axes.set(key, value.isList ? value.items : [value]);
  }
  const all = axes.size === 0 ? [] : combinationsOf(axes, MAX_JOBS);
  if (all === undefined) return undefined;
  const excluded = matrix.get('exclude')?.items ?? [];
  const jobs = all.filter(
    (job) => !excluded.some((exclusion) => agrees(job, exclusion, [...exclusion.entries.keys()])),
  );
  return included(jobs, items, [...axes.keys()]);
}

/** An item of `include` extends the jobs whose own values it does not change. If there are none, it is another job. */
function included(
  jobs: readonly MatrixJob[],
  items: readonly YamlValue[],
  axes: readonly string[],
): MatrixJob[] {
  const extended = jobs.map((job) => new Map(job));
  const added: MatrixJob[] = [];
  for (const item of items) {
    const shared = [...item.entries.keys()].filter((key) => axes.includes(key));
    const matching = extended.filter((job) => agrees(job, item, shared));
    for (const job of matching) for (const [key, value] of item.entries) job.set(key, value);
    if (matching.length === 0) added.push(item.entries);
  }
  return [...extended, ...added];
}

function agrees(job: MatrixJob, item: YamlValue, keys: readonly string[]): boolean {
  return keys.every((key) => job.get(key)?.text === item.get(key)?.text);
}
