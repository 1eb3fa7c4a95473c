/** Tests the cost of a mirror by sums that were made by hand, and that the table of docs/costs.md is what the code works out. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { ASSUMED, costOf, firesPerMonth, type MirrorSize } from '../../../mirror-job/deploy/cost.ts';
import { sizeOf } from '../../../mirror-job/deploy/mirror-size.ts';

/** The example of docs/costs.md for 100 nodes, whose job is on a machine. */
const EXAMPLE: MirrorSize = {
  images: 200,
  repositories: 40,
  upstreams: 1,
  storedGb: 300,
  runsPerMonth: 720,
  pullsPerMonth: 60_000,
  hasJob: false,
  hasQueue: false,
  streamsBlobs: false,
};

function money(amount: number): string {
  return amount.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function amountOf(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** The USD of each line. */
function usd(pullsPerMonth: number, more: Partial<MirrorSize> = {}): Record<string, number> {
  const { lines } = costOf({ ...EXAMPLE, pullsPerMonth, ...more });
  return Object.fromEntries(lines.map((line) => [line.what, line.usd]));
}

test('the example of docs/costs.md, line by line', () => {
  const { lines, usdPerMonth, aws } = costOf(EXAMPLE);
  const amounts = Object.fromEntries(lines.map(({ what, amount }) => [what, amount]));
  expect(amounts).toMatchObject({
    'requests to Workers and Workflows': 720_000,
    'R2 reads (class B)': 1_387_440,
    'R2 writes (class A)': 19_200,
    'R2 storage': 300,
    traffic: 12_000,
  });
  expect(usdPerMonth).toBeCloseTo(5 + 4.5 + 0.4995 + 0.0864, 3);
  // 100 GB are free, 10,140 GB cost 0.09, and 1,760 GB cost 0.085.
  expect(aws.trafficUsd).toBeCloseTo(912.6 + 149.6, 6);
  expect(aws.usdPerMonth).toBeCloseTo(5 + 300 * 0.023 + 1.38744 * 0.4 + 0.0192 * 5 + 1062.2, 6);
});

test('what the plan includes is deducted, and what is beyond it is not', () => {
  // 12 million requests: two million beyond ten.
  expect(usd(1_000_000)['requests to Workers and Workflows']).toBeCloseTo(0.6, 6);
  expect(usd(1_000_000)['CPU of Workers and Workflows']).toBe(0);
  // 12 million ms of requests and 200,000 GB × 1,000 ms: 182 million beyond 30.
  expect(usd(1_000_000, { streamsBlobs: true })['CPU of Workers and Workflows']).toBeCloseTo(182 * 0.02, 6);
  expect(usd(60_000, { hasQueue: true })['Queue operations']).toBe(0);
});

test('storage and traffic are in proportion, and more of anything never costs less', () => {
  expect(costOf({ ...EXAMPLE, storedGb: 1300 }).usdPerMonth - costOf(EXAMPLE).usdPerMonth).toBeCloseTo(15, 6);
  for (const key of ['images', 'repositories', 'storedGb', 'runsPerMonth', 'pullsPerMonth'] as const) {
    const more = costOf({ ...EXAMPLE, [key]: 10 * EXAMPLE[key] });
    expect(more.usdPerMonth).toBeGreaterThan(costOf(EXAMPLE).usdPerMonth);
    expect(more.aws.usdPerMonth).toBeGreaterThan(more.usdPerMonth);
  }
});

test.for<readonly [cron: string, perDay: number]>([
  ['17 * * * *', 24],
  ['*/10 * * * *', 144],
  ['0,30 * * * *', 48],
  ['5 3 * * *', 1],
  ['0 8-18/2 * * *', 6],
  ['* * * * *', 1440],
])('%s fires %d times a day', ([cron, perDay]) => {
  expect(firesPerMonth(cron)).toBeCloseTo((perDay * 730) / 24, 6);
});

test('the size of a mirror is that of its configuration, and what it does not say is a sentence', () => {
  const text = `store: { region: a, bucket: b }
images:
  - docker.io/library/alpine:3.20
  - { source: docker.io/library/nginx, tags: { include: ['1.*'], latest: 5 } }
  - { source: quay.io/a/b, tags: ['*', v1] }
`;
  const configuration = parseConfiguration('lifeboat.yaml', text, {});
  const options = {
    pullsPerMonth: 5,
    storedGb: undefined,
    crons: ['17 * * * *'],
    hasQueue: true,
    streamsBlobs: true,
  };
  const size = sizeOf(configuration, options);
  expect(size).toMatchObject({
    images: 17,
    repositories: 3,
    upstreams: 2,
    storedGb: 25.5,
    runsPerMonth: 730,
  });
  expect(size.assumptions).toContain('10 tags of each rule without "latest"');
  const measured = sizeOf(configuration, { ...options, storedGb: 7, crons: [] });
  expect(measured).toMatchObject({ storedGb: 7, hasJob: false });
  expect(measured.assumptions).toContain('what the bucket has now, and 17 images');
});

const SIZES = [
  { images: 50, repositories: 10, upstreams: 1, nodes: 10 },
  { images: 500, repositories: 100, upstreams: 3, nodes: 100 },
  { images: 5000, repositories: 1000, upstreams: 5, nodes: 1000 },
];

test('the table of docs/costs.md is what the code works out', async () => {
  const costs = SIZES.map(({ nodes, ...size }) =>
    costOf({
      ...size,
      storedGb: size.images * ASSUMED.gbPerImage,
      runsPerMonth: ASSUMED.runsPerMonth,
      pullsPerMonth: nodes * 20 * 30,
      hasJob: true,
      hasQueue: true,
      streamsBlobs: false,
    }),
  );
  const [first] = costs;
  const rows = (first?.lines ?? []).map(({ what, unit }, index) => {
    const cells = costs.map(({ lines }) => {
      const line = lines[index];
      const much = unit === 'plan' ? '' : `${amountOf(line?.amount ?? 0)}${unit === '' ? '' : ` ${unit}`}: `;
      return `${much}${money(line?.usd ?? 0)}`;
    });
    return [what].concat(cells);
  });
  rows.push(
    ['**in all, a month**', ...costs.map(({ usdPerMonth }) => `**${money(usdPerMonth)}**`)],
    ['the first fill, once', ...costs.map(({ usdOnce }) => money(usdOnce))],
    ['with AWS S3, a month', ...costs.map(({ aws }) => money(aws.usdPerMonth))],
    ['of which traffic', ...costs.map(({ aws }) => money(aws.trafficUsd))],
  );
  const page = await readFile(join(import.meta.dirname, '../../../docs/costs.md'), 'utf8');
  const [, section = ''] = page.split('\n## Three sizes\n');
  const table = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  expect(table).toEqual(rows);
});
