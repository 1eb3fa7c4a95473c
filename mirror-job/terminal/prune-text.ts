/** The text of `prune`: a plan, and what a step has done. */
import type { PlannedRepository, PrunePlan, StorePlan } from '../engine/maintenance/prune-plan.ts';
import type { Condemned } from '../engine/maintenance/condemn.ts';
import type { SweepResult } from '../engine/maintenance/sweep.ts';
import type { PruneUnderWay, SweepStage } from '../engine/store/prune-state.ts';
import { countOf } from '../engine/support/count-of.ts';
import { alignColumns, formatBytes, type Style } from './style.ts';

/** Of a repository, and of lines that were lost. */
const MAX_LINES = 20;

/** The outcome of a step for one store. */
export type StepResult =
  | ({ readonly step: 'condemned' } & Condemned)
  | { readonly step: 'cancelled'; readonly hadPlan: boolean }
  | ({ readonly step: 'swept' } & SweepResult);

export function describePlan({ stores }: Pick<PrunePlan, 'stores'>, style: Style): string {
  return stores.map((store) => describeStore(store, style)).join('\n\n');
}

function describeStore(plan: StorePlan, style: Style): string {
  const { store, goes, total, repositories, unlisted, blobs, untouched, underWay, refusal } = plan;
  const lines = [`${store}:`];
  if (underWay !== undefined) lines.push(`  ${underWayText(underWay)}`);
  for (const one of repositories) {
    lines.push(...describeRepository(one, !unlisted.includes(one.repository), style));
  }
  if (blobs.length > 0) {
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    lines.push(`  ${countOf(blobs.length, 'blob')} that no repository needs, ${formatBytes(bytes)}`);
  }
  const left = Object.entries(untouched).map(([why, count]) => [
    `  ${count === 1 ? 'one repository' : `${count} repositories`}`,
    style.faint(`untouched: ${why}`),
  ]);
  lines.push(...alignColumns(left));
  if (goes.objects === 0) lines.push('  nothing to prune');
  else {
    lines.push(
      `  ${countOf(goes.objects, 'object')} of ${total.objects} would go, ${formatBytes(goes.bytes)} of ${formatBytes(total.bytes)}`,
    );
  }
  if (refusal !== undefined) lines.push(`  ${style.bad('refused:')} ${refusal}`);
  return lines.join('\n');
}

/** Says that a plan was applied, and when it goes on. */
export function underWayText({ condemned, stage, after }: PruneUnderWay): string {
  return `a plan was applied at ${condemned}, and deletes ${nextOf(stage)} after ${after}: "lifeboat prune --continue"`;
}

function nextOf(stage: SweepStage): string {
  return stage === 'names' ? 'what leads to blobs' : 'the blobs';
}

function describeRepository(
  { repository, tags, unneeded }: PlannedRepository,
  isListed: boolean,
  style: Style,
): string[] {
  const bytes = unneeded.reduce((sum, { size }) => sum + size, 0);
  const amount =
    unneeded.length === 0
      ? 'nothing goes yet'
      : `${countOf(unneeded.length, 'object')}, ${formatBytes(bytes)}`;
  const shown = tags.slice(0, MAX_LINES);
  const rows = shown.map(({ tag, stays, why }) => [
    `    ${stays ? style.good('stays') : style.bad('goes')}`,
    tag,
    style.faint(why),
  ]);
  const reasons = Map.groupBy(unneeded, ({ why }) => why);
  const others = [...reasons]
    .filter(([why]) => !tags.some((one) => !one.stays && one.why === why))
    .map(([why, objects]) => [`    ${countOf(objects.length, 'object')}`, style.faint(why)]);
  const more = tags.length > shown.length ? [`    … and ${tags.length - shown.length} more tags`] : [];
  const mark = isListed || unneeded.length === 0 ? '' : style.bad(' (not listed)');
  return [`  ${repository}${mark}: ${amount}`, ...alignColumns(rows), ...more, ...alignColumns(others)];
}

/** @param result of one store */
export function describeStep(store: string, result: StepResult): string {
  switch (result.step) {
    case 'cancelled':
      return result.hadPlan
        ? `${store}: the plan was given up. What is condemned stays.`
        : `${store}: nothing is condemned, so there is nothing to give up.`;
    case 'condemned':
      return [
        result.after === undefined
          ? `${store}: nothing of the plan may go any more`
          : `${store}: ${countOf(result.objects, 'object')}, ${formatBytes(result.bytes)}, condemned. After ${result.after} go on with: "lifeboat prune --continue"`,
        ...describeLost(result.lost, 'needed by now, or gone'),
      ].join('\n');
    case 'swept':
      return describeSweep(store, result);
  }
}

function describeSweep(store: string, result: SweepResult): string {
  switch (result.kind) {
    case 'nothing':
      return `${store}: nothing is condemned. Make a plan with: "lifeboat prune"`;
    case 'waits':
      return `${store}: waits until ${result.until}, then deletes ${nextOf(result.stage)}`;
    case 'yielded': {
      const { writers, objects } = result;
      const until = writers
        .flatMap(({ until: time }) => time ?? [])
        .toSorted()
        .at(-1);
      const end = until === undefined ? '' : ` A run that was killed counts until ${until}.`;
      return `${store}: ${countOf(writers.length, 'run')} at work, so the sweep has stopped after ${countOf(objects, 'object')}. Go on later with: "lifeboat prune --continue".${end}`;
    }
    case 'names deleted':
      return [
        `${store}: deleted ${countOf(result.objects, 'object')} that led to blobs. The blobs may go after ${result.until}: "lifeboat prune --continue"`,
        ...describeLost(result.rescued, 'needed again, so it stays'),
      ].join('\n');
    case 'done':
      return [
        `${store}: deleted ${countOf(result.objects, 'object')}, ${formatBytes(result.bytes)}${result.uploads === 0 ? '' : `, and ${countOf(result.uploads, 'unfinished upload')}`}. The plan is done.`,
        ...describeLost(result.rescued, 'needed again, so it stays'),
      ].join('\n');
  }
}

function describeLost(keys: readonly string[], why: string): string[] {
  const shown = keys.slice(0, MAX_LINES).map((key) => `  ${key}: ${why}`);
  return keys.length > MAX_LINES ? [...shown, `  … and ${keys.length - MAX_LINES} more`] : shown;
}
