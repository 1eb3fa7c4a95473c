/** Writes the result of a check of the stores as metrics. */
import type { Problem } from '../engine/verify/problem.ts';
import { isKnown, type VerifyReport } from '../engine/verify/verify-report.ts';
import { formatMetric, one, type Metric } from '../../core/prometheus-text.ts';

/** @param exitCode of the command, whose 0 is a success */
export function formatVerifyMetrics(report: VerifyReport, exitCode: number): string {
  const { stores, differences, ended } = report;
  const of = (value: (store: VerifyReport['stores'][number]) => number) =>
    stores.map((store) => ({ labels: { store: store.store }, value: value(store) }));
  const metrics: Metric[] = [
    {
      name: 'lifeboat_verify_timestamp_seconds',
      help: 'When the stores were last checked.',
      samples: one(Date.parse(ended) / 1000),
    },
    {
      name: 'lifeboat_verify_success',
      help: '1 if everything could be read and nothing is wrong, else 0.',
      samples: one(exitCode === 0 ? 1 : 0),
    },
    {
      name: 'lifeboat_verify_complete',
      help: '1 if everything could be read, else 0.',
      samples: one(isKnown(report) ? 1 : 0),
    },
    {
      name: 'lifeboat_verify_problems',
      help: 'Objects of a store that are missing, damaged or out of date.',
      samples: of(({ problemCount }) => problemCount),
    },
    {
      name: 'lifeboat_verify_broken_images',
      help: 'Tags and pins of a store that cannot be pulled whole.',
      samples: of(({ problems }) => brokenImages(problems)),
    },
    {
      name: 'lifeboat_verify_objects',
      help: 'Objects of a store.',
      samples: of(({ checked }) => checked.objects),
    },
    {
      name: 'lifeboat_verify_bytes',
      help: 'Bytes of all objects of a store.',
      samples: of(({ checked }) => checked.bytes),
    },
    {
      name: 'lifeboat_verify_differences',
      help: 'Objects that are not the same in all stores.',
      samples: one(differences.reduce((sum, { differenceCount }) => sum + differenceCount, 0)),
    },
    ...deepMetrics(report),
  ];
  return metrics.map((metric) => formatMetric(report.mirror, metric)).join('');
}

function deepMetrics({ stores }: VerifyReport): Metric[] {
  const hashed = stores.flatMap(({ store, deep }) => (deep === undefined ? [] : [{ store, deep }]));
  const finished = hashed.flatMap(({ store, deep }) =>
    deep.finished === undefined ? [] : [{ labels: { store }, value: Date.parse(deep.finished) / 1000 }],
  );
  if (hashed.length === 0) return [];
  return [
    {
      name: 'lifeboat_verify_hashed_bytes',
      help: 'Bytes that this check has hashed.',
      samples: hashed.map(({ store, deep }) => ({ labels: { store }, value: deep.bytes })),
    },
    ...(finished.length === 0
      ? []
      : [
          {
            name: 'lifeboat_verify_hashed_timestamp_seconds',
            help: 'When the last blob of all was hashed.',
            samples: finished,
          },
        ]),
  ];
}

function brokenImages(problems: readonly Problem[]): number {
  return new Set(problems.flatMap(({ images }) => images)).size;
}
