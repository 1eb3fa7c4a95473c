/** A drill's sums by namespace, and its workloads that could not start. */
import { expect, test } from 'vitest';
import type { DrillResult } from '../../../cluster/drill/drill.ts';
import type { Outcome } from '../../../cluster/drill/judge.ts';
import type { ClusterUse } from '../../../cluster/drill/observation.ts';
import { sumsByNamespace, unnamedUses, workloadsOf } from '../../../cluster/drill/workloads.ts';
import { parseReference } from '../../../core/reference.ts';

function use(text: string, how: ClusterUse['how'] = 'running', container = 'app'): ClusterUse {
  const [cluster = '', namespace = '', name = ''] = text.split(' ');
  return { cluster, ...(namespace !== '' && { namespace }), kind: 'Deployment', name, container, how };
}

function resultOf(
  name: string,
  outcome: Outcome,
  uses: readonly ClusterUse[],
  useCount = uses.length,
): DrillResult {
  return {
    image: {
      reference: parseReference(`docker.io/library/${name}`),
      digest: undefined,
      platforms: undefined,
      clusters: ['prod'],
      uses,
      useCount,
    },
    verdict: { outcome, says: [], disagreement: undefined },
    upstream: undefined,
  };
}

const RESULTS = [
  resultOf('a:1', 'missing', [
    use('prod shop web'),
    use('prod shop web', 'spec', 'init'),
    use('test shop web'),
  ]),
  resultOf('b:1', 'platform-missing', [use('prod shop web')]),
  resultOf('c:1', 'unknown', [use('prod shop cart'), use('prod shop web')]),
  resultOf('d:1', 'served', [use('prod data db'), use('prod shop cart')]),
  resultOf('e:1', 'missing', [use('prod data db', 'text'), use('prod  node')]),
];

const image = (name: string) => `docker.io/library/${name}:1`;

test('a workload is lost with one of its images, and is not known if one is not', () => {
  const shown = workloadsOf(RESULTS).map(({ cluster, namespace, name, state, lost, unknown }) =>
    [cluster, namespace ?? '-', name, state, ...lost, '|', ...unknown].join(' '),
  );
  expect(shown).toEqual([
    `prod - node lost ${image('e')} |`,
    'prod data db pulled |',
    `prod shop cart unknown | ${image('c')}`,
    `prod shop web lost ${image('a')} ${image('b')} | ${image('c')}`,
    `test shop web lost ${image('a')} |`,
  ]);
});

test('an image counts once in each namespace, the worst namespace first, and clusters are apart', () => {
  const shown = sumsByNamespace(RESULTS).map(({ cluster, namespace, images, pulled, lost, workloads }) => [
    `${cluster} ${namespace ?? '-'}`,
    [images, pulled, lost],
    [workloads.all, workloads.lost, workloads.unknown],
  ]);
  expect(shown).toEqual([
    ['prod shop', [4, 1, 2], [2, 1, 1]],
    ['prod -', [1, 0, 1], [1, 1, 0]],
    ['test shop', [1, 0, 1], [1, 1, 0]],
    ['prod data', [1, 1, 0], [1, 0, 0]],
  ]);
});

test('uses that a list counts and does not name are counted, with the images that would not be pulled', () => {
  expect(unnamedUses(RESULTS)).toEqual({ uses: 0, images: 0, notPulled: 0 });
  const many = [
    resultOf('a:1', 'missing', [use('prod shop web')], 25),
    resultOf('b:1', 'unknown', [], 2),
    resultOf('c:1', 'served', [use('prod shop web')], 3),
  ];
  expect(unnamedUses(many)).toEqual({ uses: 28, images: 3, notPulled: 2 });
});
