/** Tests the view of a run on the screen. Nothing of it stays when the run is over. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Tally } from '../../../mirror-job/engine/tally.ts';
import { CommandLine } from '../../../mirror-job/terminal/command-line.ts';
import { Progress } from '../../../mirror-job/terminal/progress.ts';
import { Rate, fitHeadline, headline, overallBar } from '../../../mirror-job/terminal/view.ts';
import { Screen, progressOn } from './screen.ts';

const DIGESTS = ['a', 'b', 'c', 'd', 'e', 'f'].map(
  (digit) => `docker.io/library/app@sha256:${digit.repeat(64)}`,
);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});

afterEach(() => {
  vi.useRealTimers();
});

function busyTally(blobs: number): Tally {
  const tally = new Tally();
  tally.add('planned', 12);
  tally.add('finished', 3);
  for (const [index, label] of DIGESTS.slice(0, blobs).entries()) {
    tally.running.add({ label, size: 100_000_000, done: index * 10_000_000 });
    tally.add('bytesPlanned', 100_000_000);
  }
  return tally;
}

test('the view of a run fits on 80 columns, and disappears when the run ends', async () => {
  const screen = new Screen();
  const progress = progressOn(screen);
  const tally = busyTally(6);
  progress.start(tally);
  await vi.advanceTimersByTimeAsync(750);
  tally.add('bytes', 50_000_000);
  await vi.advanceTimersByTimeAsync(250);
  expect(screen.text()).toBe(`░░░░░░░░░░   8 %  3 of 12 images · 11 s left · 50.0 MB of 600 MB · 50.0 MB/s
    0 %  of 100 MB  docker.io/library/app@sha256:aaaaaaaaaaaa
   10 %  of 100 MB  docker.io/library/app@sha256:bbbbbbbbbbbb
   20 %  of 100 MB  docker.io/library/app@sha256:cccccccccccc
   30 %  of 100 MB  docker.io/library/app@sha256:dddddddddddd
    and 2 more
`);
  progress.stop();
  expect(screen.text()).toBe('');
});

test('a run with nothing to copy counts its images', async () => {
  const screen = new Screen();
  const progress = progressOn(screen);
  const tally = new Tally();
  tally.add('planned', 12);
  progress.start(tally);
  await vi.advanceTimersByTimeAsync(250);
  expect(screen.text()).toBe('░░░░░░░░░░   0 %  0 of 12 images\n');
  progress.stop();
});

test('a blob that begins and ends between two views is not shown', async () => {
  const screen = new Screen();
  const progress = progressOn(screen);
  const tally = busyTally(1);
  progress.start(tally);
  await vi.advanceTimersByTimeAsync(250);
  expect(screen.text()).toBe('░░░░░░░░░░   0 %  3 of 12 images · 0 B of 100 MB · 0 B/s\n');
  progress.stop();
});

test('nothing is written if nothing has changed', async () => {
  const screen = new Screen();
  const progress = progressOn(screen);
  progress.start(busyTally(1));
  await vi.advanceTimersByTimeAsync(500);
  const { writes } = screen;
  await vi.advanceTimersByTimeAsync(5000);
  expect([writes, screen.writes]).toEqual([2, 2]);
  progress.stop();
});

test('messages are above the view, and stay', async () => {
  const screen = new Screen();
  const progress = progressOn(screen);
  progress.info('before');
  progress.start(busyTally(1));
  await vi.advanceTimersByTimeAsync(500);
  progress.warn('something is odd.');
  const view = `░░░░░░░░░░   0 %  3 of 12 images · 0 B of 100 MB · 0 B/s
    0 %  of 100 MB  docker.io/library/app@sha256:aaaaaaaaaaaa
`;
  expect(screen.text()).toBe(`before\nwarning: something is odd.\n${view}`);
  progress.stop();
  expect(screen.text()).toBe('before\nwarning: something is odd.\n');
});

test('a narrow terminal gets whole numbers and a mark for what is cut, and a terminal that becomes narrower is cleared', async () => {
  const screen = new Screen(50);
  const progress = progressOn(screen);
  progress.info('before');
  const tally = busyTally(2);
  progress.start(tally);
  await vi.advanceTimersByTimeAsync(500);
  expect(screen.text()).toBe(`before
░░░░░░░░░░   0 %  3 of 12 images …
    0 %  of 100 MB  docker.io/library/app@sha256…
   10 %  of 100 MB  docker.io/library/app@sha256…
`);
  screen.resize(30);
  tally.add('finished');
  await vi.advanceTimersByTimeAsync(250);
  expect(screen.text()).toBe(`before
░░░░░░░░░░   0 %  4 of 12 …
    0 %  of 100 MB  docker.i…
   10 %  of 100 MB  docker.i…
`);
  progress.stop();
  expect(screen.text()).toBe('before\n');
});

test.each([
  [60, '░░░░░░░░░░   0 %  3 of 12 images · 0 B of 100 MB · 12.3 MB/s'],
  [59, '░░░░░░░░░░   0 %  3 of 12 images · 0 B of 100 MB …'],
  [50, '░░░░░░░░░░   0 %  3 of 12 images · 0 B of 100 MB …'],
  [49, '░░░░░░░░░░   0 %  3 of 12 images …'],
  [33, '░░░░░░░░░░   0 %  3 of 12 …'],
  [20, '░░░░░░░░░░   0 % …'],
  [2, ' …'],
  [1, ' '],
])('on %i columns the headline is "%s"', (width, line) => {
  const whole = '░░░░░░░░░░   0 %  3 of 12 images · 0 B of 100 MB · 12.3 MB/s';
  expect(fitHeadline(whole, width)).toBe(line);
});

test('a terminal with few rows shows as many lines as fit', async () => {
  const screen = new Screen();
  screen.rows = 3;
  const progress = progressOn(screen);
  progress.start(busyTally(6));
  await vi.advanceTimersByTimeAsync(500);
  expect(screen.text().split('\n')).toHaveLength(3);
  progress.stop();
  expect(screen.text()).toBe('');
});

test.each([
  ['a pipe', new PassThrough(), 'xterm'],
  ['a dumb terminal', new Screen(), 'dumb'],
])('%s gets a plain line every ten seconds, if something has changed', async (_, output, term) => {
  const written: string[] = [];
  vi.spyOn(output, 'write').mockImplementation((text: unknown) => written.push(String(text)) > 0);
  const progress = progressOn(output, { TERM: term });
  const tally = busyTally(1);
  progress.start(tally);
  await vi.advanceTimersByTimeAsync(30_000);
  tally.add('finished');
  tally.running.clear();
  await vi.advanceTimersByTimeAsync(10_000);
  progress.info('done.');
  progress.stop();
  expect(written).toEqual([
    '0 % · 3 of 12 images · 0 B of 100 MB · 0 B/s · 1 blob running\n',
    '0 % · 4 of 12 images · 0 B of 100 MB · 0 B/s\n',
    'done.\n',
  ]);
});

test('a plain line has the rate of the ten seconds since the last line, and the time that the rest will take', async () => {
  const output = new PassThrough();
  const written: string[] = [];
  vi.spyOn(output, 'write').mockImplementation((text: unknown) => written.push(String(text)) > 0);
  const progress = progressOn(output);
  const tally = busyTally(6);
  progress.start(tally);
  for (const bytes of [50_000_000, 150_000_000, 150_000_000, 600_000_000]) {
    tally.add('bytes', bytes - tally.counts.bytes);
    await vi.advanceTimersByTimeAsync(10_000);
  }
  progress.stop();
  expect(written).toEqual([
    '8 % · 3 of 12 images · 1 min 50 s left · 50.0 MB of 600 MB · 5.0 MB/s · 6 blobs running\n',
    '25 % · 3 of 12 images · 45 s left · 150 MB of 600 MB · 10.0 MB/s · 6 blobs running\n',
    '25 % · 3 of 12 images · 150 MB of 600 MB · 0 B/s · 6 blobs running\n',
    '99 % · 3 of 12 images · 600 MB of 600 MB · 45.0 MB/s · 6 blobs running\n',
  ]);
});

test('the bar is full only at the end, even if bytes were read twice', () => {
  const tally = busyTally(1);
  tally.add('bytes', 3 * tally.counts.bytesPlanned);
  expect(overallBar(tally)).toBe('█████████░  99 %');
  tally.add('finished', tally.counts.planned - tally.counts.finished);
  expect(overallBar(tally)).toBe('██████████ 100 %');
});

test('progress is the share of the bytes, and without bytes that of the images', () => {
  const tally = busyTally(1);
  tally.add('bytes', 25_000_000);
  expect(overallBar(tally)).toBe('██░░░░░░░░  25 %');
  const unchanged = busyTally(0);
  expect(overallBar(unchanged)).toBe('██░░░░░░░░  25 %');
  unchanged.add('finished', 9);
  expect(overallBar(unchanged)).toBe('██████████ 100 %');
});

test('a quiet run shows no progress and no notes, and its warnings and failures', async () => {
  const screen = new Screen();
  const progress = new Progress(
    { stderr: screen, env: { TERM: 'xterm' }, commandLine: new CommandLine() },
    { quiet: true },
  );
  progress.start(busyTally(6));
  await vi.advanceTimersByTimeAsync(1000);
  progress.info('looking at the bucket');
  progress.warn('something is odd.');
  progress.fail('something failed.');
  expect(screen.text()).toBe('warning: something is odd.\nfailed something failed.\n');
  progress.stop();
  expect(screen.writes).toBe(3);
});

test.each([
  [1_000_000, '3 of 12 images · 1 min 40 s left · 0 B of 100 MB · 1.0 MB/s'],
  [99_000_000, '3 of 12 images · 2 s left · 0 B of 100 MB · 99.0 MB/s'],
  [0, '3 of 12 images · 0 B of 100 MB · 0 B/s'],
])('the headline says how long the rest will take at %i bytes per second', (rate, line) => {
  expect(headline(busyTally(1), rate)).toBe(line);
});

test('the rate is that of the last five seconds', () => {
  const rate = new Rate();
  const samples: [at: number, bytes: number][] = [
    [0, 0],
    [1000, 50],
    [2000, 200],
    [6000, 200],
    [10_000, 200],
  ];
  expect(samples.map(([at, bytes]) => rate.sample(at, bytes))).toEqual([0, 50, 100, 30, 0]);
});

test('the rate of samples that are more than five seconds apart is the rate since the last sample', () => {
  const rate = new Rate();
  const samples: [at: number, bytes: number][] = [
    [0, 0],
    [10_000, 50_000],
    [30_000, 50_000],
    [40_000, 80_000],
  ];
  expect(samples.map(([at, bytes]) => rate.sample(at, bytes))).toEqual([0, 5000, 0, 3000]);
});
