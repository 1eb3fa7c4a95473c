/** Finds in a report what may be worth a message. Pure. */
import { formatItem, type Finding, type ItemReport, type RunReport } from '../engine/report.ts';

/** More problems of one kind than this share one entry, because the bucket keeps a memory of each. */
export const MAX_PROBLEMS_OF_KIND = 1000;

export interface Problem {
  /** The same in each run that has the problem. */
  readonly key: string;
  readonly kind: 'failed' | 'skipped' | 'finding' | 'in-use-list' | 'held';
  /** The image, the store or the cluster that it is about. */
  readonly name: string;
  /** Sentences, with the next step. */
  readonly text: string;
  /** How many problems this one stands for. */
  readonly count: number;
  /** True for an event, which no later run has or lacks. */
  readonly isEvent: boolean;
}

export interface Movement {
  readonly name: string;
  readonly text: string;
}

/** The facts of a report that messages are made of. */
export interface RunFacts {
  readonly problems: readonly Problem[];
  readonly moved: readonly Movement[];
  /** The names of the images that the run could not look at, so that it says nothing about their earlier problems. */
  readonly unseen: ReadonlySet<string>;
  /** Whether the report lists everything. If not, an absent problem may be there. */
  readonly isComplete: boolean;
}

export function factsOf(report: RunReport): RunFacts {
  const { items, findings, stores = [], interrupted, unlisted = 0 } = report;
  const problems = [
    ...(interrupted ? [INTERRUPTED] : []),
    ...stores.flatMap(({ name, state, reason }) =>
      state === 'behind' ? [problemOf('failed', `store ${name}`, name, reason ?? 'It is behind.')] : [],
    ),
    ...items.flatMap((item) => problemOfItem(item) ?? []),
    ...findings.map(problemOfFinding),
  ];
  return {
    problems: [...Map.groupBy(withoutRepeats(problems), ({ kind }) => kind).values()].flatMap(bounded),
    moved: items.flatMap((item) => movementOf(item) ?? []),
    unseen: new Set(items.filter(wasUnseen).map(formatItem)),
    isComplete: unlisted === 0,
  };
}

const INTERRUPTED: Problem = problemOf(
  'failed',
  'interrupted',
  'the run',
  'It had to stop before it was done. The next run goes on from there.',
);

function problemOf(kind: Problem['kind'], key: string, name: string, text: string): Problem {
  return { kind, key, name, text, count: 1, isEvent: false };
}

function problemOfItem(item: ItemReport): Problem | undefined {
  const { outcome } = item;
  const name = formatItem(item);
  switch (outcome.result) {
    case 'failed':
      return problemOf('failed', `unseen ${name}`, name, outcome.error);
    case 'skipped':
      return problemOf('skipped', `unseen ${name}`, name, outcome.reason);
    case 'held':
      return problemOf('held', `held ${name}`, name, `${outcome.reason} ${outcome.next}`);
    case 'unchanged':
    case 'created':
    case 'moved':
    case 'gone':
      return undefined;
  }
}

function problemOfFinding({ kind, repository, tag, cluster, store, message }: Finding): Problem {
  const image = repository === undefined ? undefined : formatItem({ repository, reference: tag });
  const name = image ?? cluster ?? store ?? 'the run';
  return {
    kind: kind === 'in-use-list' ? 'in-use-list' : 'finding',
    key: `finding ${kind} ${store ?? ''} ${name}`,
    name,
    text: message,
    count: 1,
    isEvent: kind === 'caught-up',
  };
}

function movementOf(item: ItemReport): Movement | undefined {
  const { outcome } = item;
  if (outcome.result !== 'moved') return undefined;
  return { name: formatItem(item), text: `from ${outcome.from} to ${outcome.digest}` };
}

function wasUnseen({ outcome }: ItemReport): boolean {
  return outcome.result === 'failed' || outcome.result === 'skipped';
}

/** Joins problems with the same key, such as several lost objects of one repository. The first sentence stands for all. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  return [...Map.groupBy(problems, ({ key }) => key).values()].flatMap((same) => joined(same));
}

function bounded(problems: readonly Problem[]): Problem[] {
  const listed = problems.slice(0, MAX_PROBLEMS_OF_KIND);
  for (const one of joined(problems.slice(MAX_PROBLEMS_OF_KIND))) {
    const text = `the first: ${one.name}: ${one.text}`;
    listed.push({ ...one, key: `more ${one.kind}`, name: 'others', text });
  }
  return listed;
}

function joined(problems: readonly Problem[]): Problem[] {
  const [first] = problems;
  if (first === undefined) return [];
  return [{ ...first, count: problems.reduce((sum, { count }) => sum + count, 0) }];
}

/** Whether a run could look at an image that had a problem before: neither it nor its repository failed or was skipped. */
export function wasSeen(name: string, { unseen, isComplete }: RunFacts): boolean {
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return isComplete && !unseen.has(name) && !unseen.has(repository);
}
