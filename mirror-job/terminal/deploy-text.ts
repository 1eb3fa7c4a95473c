/** Shows people a deployment: what is there, what is to be done, and what it costs. */
import type { Cost } from '../deploy/cost.ts';
import { SOURCES } from '../deploy/prices.ts';
import type { DeployPlan, DeployStep } from '../deploy/plan.ts';
import { quote } from './command-line.ts';
import { alignColumns } from './style.ts';

/** A step as people and machines read it. */
export interface ShownStep {
  readonly verb: DeployStep['verb'];
  readonly what: string;
  /** The command, to be pasted. */
  readonly command?: string;
  /** The lines of a file. */
  readonly lines?: readonly string[];
}

export interface ShownPlan {
  readonly present: readonly string[];
  readonly steps: readonly ShownStep[];
}

export function shownPlan({ present, steps }: DeployPlan): ShownPlan {
  return { present, steps: steps.map(shownStep) };
}

function shownStep({ verb, what, act }: DeployStep): ShownStep {
  if (act.kind === 'file') return { verb, what, lines: act.text.trimEnd().split('\n') };
  const words = ['npx', 'wrangler', ...act.args].map((word) => quote(word)).join(' ');
  const names = act.secrets?.map(({ name }) => `"${name}":"…"`).join(',');
  if (names !== undefined) return { verb, what, command: `${words} <<< '{${names}}'` };
  return { verb, what, command: act.input === undefined ? words : `${words} <<< ${quote(act.input)}` };
}

/** @param isWhole whether the content of each file is shown too */
export function describePlan({ present, steps }: ShownPlan, isWhole: boolean): string {
  const rows = steps.flatMap((step, index) => [
    `${String(index + 1).padStart(3)}. ${step.verb.padEnd(6)}  ${step.what}`,
    ...(step.command === undefined ? [] : [`             ${step.command}`]),
    ...(isWhole ? (step.lines ?? []).map((line) => `      | ${line}`.trimEnd()) : []),
  ]);
  return [
    ...(present.length === 0 ? [] : ['There already:', ...present.map((one) => `     ${one}`), '']),
    ...(steps.length === 0 ? ['Nothing is left to do.'] : ['To be done:', ...rows]),
  ].join('\n');
}

/** @param assumptions what the cost is worked out with, beside the prices */
export function describeCost(cost: Cost, assumptions: readonly string[]): string {
  const { lines, usdPerMonth, usdOnce, aws } = cost;
  const rows = lines.map(({ what, amount, unit, usd }) => [
    `  ${what}`,
    `${whole(amount)} ${unit}`.trimEnd().padStart(16),
    dollars(usd).padStart(9),
  ]);
  return [
    `What it costs a month with the bucket in R2, in US dollars (Cloudflare's prices as read ${SOURCES.cloudflare.read}: check them)`,
    ...alignColumns([...rows, ['  in all', '', dollars(usdPerMonth).padStart(9)]]),
    `  The first fill costs ${dollars(usdOnce)} once, for its writes.`,
    `  With the bucket at AWS S3 (prices of ${SOURCES.aws.read}): ${dollars(aws.usdPerMonth)}, of which ${dollars(aws.trafficUsd)} are for ${whole(aws.trafficGb)} GB of traffic.`,
    '  Assumed, as docs/costs.md explains:',
    ...assumptions.map((one) => `    ${one}`),
  ].join('\n');
}

function whole(amount: number): string {
  return Math.round(amount).toLocaleString('en');
}

function dollars(usd: number): string {
  return usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
