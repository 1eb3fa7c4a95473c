/** Tests the text of metrics where several mirrors, or hostile names, meet in it. */
import { expect, test } from 'vitest';
import { formatMetrics } from '../../core/prometheus-text.ts';

const metric = (value: number) => ({ name: 'm', help: 'H.', samples: [{ value }] });

test('a metric of several mirrors comes once, with the samples of all', () => {
  expect(
    formatMetrics([
      ['a', [metric(1), { ...metric(3), name: 'n' }]],
      ['b', [metric(2)]],
    ]),
  ).toBe(
    '# HELP m H.\n# TYPE m gauge\nm{mirror="a"} 1\nm{mirror="b"} 2\n# HELP n H.\n# TYPE n gauge\nn{mirror="a"} 3\n',
  );
});

test('an empty label is left out, because it is none to Prometheus', () => {
  const samples = [
    { labels: { cluster: '', namespace: 'shop' }, value: 1 },
    { labels: { cluster: '' }, value: 2 },
  ];
  expect(formatMetrics([['a', [{ name: 'm', help: 'H.', samples }]]])).toBe(
    '# HELP m H.\n# TYPE m gauge\nm{mirror="a",namespace="shop"} 1\nm{mirror="a"} 2\n',
  );
});

test('of two samples with the same labels the first one counts, and a label cannot end its line', () => {
  const samples = [
    { labels: { store: 'x"\n\\' }, value: 1 },
    { labels: { store: 'x"\n\\' }, value: 2 },
  ];
  expect(formatMetrics([['a', [{ name: 'm', help: 'H.', samples }]]])).toBe(
    `# HELP m H.\n# TYPE m gauge\nm{mirror="a",store="${String.raw`x\"\n\\`}"} 1\n`,
  );
});
