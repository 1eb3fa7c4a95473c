/** The job as a Worker and a sweep of pruning keep apart, as a job on a machine and a sweep do. docs/decisions/0174 */
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { JobInWorkerd } from './job-in-workerd.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

const STATE = 'state/_prune.json';
const REPORT = 'state/default/last-run.json';
const HOUR_MS = 3_600_000;

let upstream: SmallRegistry;
let job: JobInWorkerd;

beforeAll(async () => {
  upstream = await SmallRegistry.start(['app']);
  await upstream.tag('app', 'one', '1');
});

beforeEach(async () => {
  upstream.reset();
  job = await JobInWorkerd.start();
  await job.configure(textOf(upstream.configuration({ credentials: [] })));
});

afterEach(() => job?.close());

afterAll(async () => {
  await upstream?.stop();
});

const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString();

function pruning(phase: 'condemned' | 'sweeping'): Promise<void> {
  const condemnation = {
    generation: 'one',
    plan: 'plan',
    configuration: 'default',
    stage: 'names',
    condemned: inHours(-48),
    after: inHours(-1),
    parts: 0,
  };
  const sweep = phase === 'sweeping' ? { until: inHours(1), sweeper: 'somebody' } : {};
  return job.put(STATE, JSON.stringify({ version: 1, phase, ...condemnation, ...sweep }));
}

/** @returns the note that a run has left; undefined if it has left none */
function noteOf(run: string): Promise<unknown> {
  return job.read(`state/_writers/${run}.json`);
}

test('in an idle bucket a run leaves no note; while keys are condemned it leaves one, and ends it', async () => {
  const [first, second] = [job.nextDue(), job.nextDue()];
  await job.fire(first);
  const { run: idle } = await job.outputOf(first);
  await pruning('condemned');
  await job.fire(second);
  const { run } = await job.outputOf(second);
  expect(await noteOf(run)).toMatchObject({ hasEnded: true, until: expect.stringMatching(/Z$/) });
  expect(await noteOf(idle)).toBeUndefined();
});

test('a run waits for a sweep before it reads what it goes by', async () => {
  const before = await job.run();
  upstream.reset();
  await pruning('sweeping');
  const due = job.nextDue();
  await job.fire(due);
  await setTimeout(5000);
  expect(upstream.requestsByKind()).toEqual({});
  expect(await job.read(REPORT)).toEqual(before);
  await pruning('condemned');
  expect(await job.outputOf(due)).toMatchObject({ counts: { unchanged: 1, failed: 0 } });
});

test('a sweep that began meanwhile holds up the catalogue and the report, although no other step has seen it', async () => {
  const due = job.nextDue();
  await job.failStep('RUN', due, 'check stored objects', 5);
  const began = Promise.withResolvers<void>();
  upstream.registry.misbehave(({ kind }) => {
    began.resolve();
    return kind === 'manifest' ? { kind: 'delay', milliseconds: 2000 } : undefined;
  });
  await job.fire(due);
  await began.promise;
  await pruning('sweeping');
  const isWritten = async (): Promise<boolean> => (await job.read(REPORT)) !== undefined;
  for (let waited = 0; waited < 12 && !(await isWritten()); waited += 1) await setTimeout(1000);
  expect(await isWritten()).toBe(false);
  await pruning('condemned');
  const { run } = await job.outputOf(due);
  expect(await noteOf(run)).toMatchObject({ hasEnded: true });
  expect(await job.read(REPORT)).toMatchObject({ run, counts: { created: 1 } });
});
