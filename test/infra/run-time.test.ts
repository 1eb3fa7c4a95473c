/**
 * Tests that each schedule leaves a run the time that it takes by default, so that the run ends by itself and writes
 * its report.
 */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDuration } from '../../core/duration.ts';
import { parseConfiguration } from '../../mirror-job/configuration/parse.ts';

/** Those that the example's configurations read. */
const VARIABLES = {
  S3_ENDPOINT: 'https://s3.example.com',
  S3_BUCKET: 'b',
  S3_REGION: 'auto',
  S3_ACCESS_KEY_ID: 'a',
  S3_SECRET_ACCESS_KEY: 's',
};
const STORE = 'store: { endpoint: "https://s3.example.com", bucket: b }\nimages: [a:1]\n';
const seconds = parseConfiguration('lifeboat.yaml', STORE, {}).maxDuration.milliseconds / 1000;
/** The time for the rest: a run that has to stop needs up to ten seconds, and a pod has to start first. */
const ROOM_SECONDS = 60;

async function read(file: string): Promise<string> {
  return readFile(new URL(`../../infra/${file}`, import.meta.url), 'utf8');
}

test('a run takes at most five hours by default', () => {
  expect(seconds).toBe(5 * 3600);
});

test('the CronJob ends a Job that has not ended by itself', async () => {
  const { spec } = parse(await read('kubernetes/base/cronjob.yaml'));
  expect(spec.jobTemplate.spec.activeDeadlineSeconds).toBe(6 * 3600);
  expect(spec.jobTemplate.spec.activeDeadlineSeconds).toBeGreaterThan(seconds + ROOM_SECONDS);
});

test.each(['base', 'overlays/example'])(
  'the CronJob gives a run more time than maxDuration of %s',
  async (folder) => {
    const { spec } = parse(await read('kubernetes/base/cronjob.yaml'));
    const text = await read(`kubernetes/${folder}/lifeboat.yaml`);
    const { maxDuration } = parseConfiguration('lifeboat.yaml', text, VARIABLES);
    // The value is there to be changed, so it is written down.
    expect(text).toContain(`\nmaxDuration: ${maxDuration.text}\n`);
    expect(spec.jobTemplate.spec.activeDeadlineSeconds).toBe(maxDuration.milliseconds / 1000 + 3600);
  },
);

test('infra/README.md raises both together', async () => {
  const readme = await read('README.md');
  const [, maxDuration = '', value] =
    /# maxDuration: (\w+), and an hour more\n.*activeDeadlineSeconds, value: (\d+)/.exec(readme) ?? [];
  expect(Number(value)).toBe(parseDuration(maxDuration) / 1000 + 3600);
});

test('the workflow gives a run more time than its own limit', async () => {
  const { jobs } = parse(await read('github/mirror.yml'));
  expect(jobs.sync['timeout-minutes'] * 60).toBeGreaterThan(seconds + ROOM_SECONDS);
});

test('the systemd unit gives a run more time than its own limit', async () => {
  const [, hours] = /^TimeoutStartSec=(\d+)h$/m.exec(await read('systemd/lifeboat.service')) ?? [];
  expect(Number(hours) * 3600).toBeGreaterThan(seconds + ROOM_SECONDS);
});
