import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildImageTree } from '../support/dockerfile.ts';
import { runProgram } from '../support/process.ts';
import { commandOf, parseUnit } from '../support/systemd-unit.ts';

const INFRA = join(import.meta.dirname, '../../infra');
/** A run of every schedule ends within this time. */
const SIX_HOURS_SECONDS = 6 * 3600;
/** The form of the unit's command. scheduled-starts.test.ts runs the command. */
const SYNC = /node \S+\/mirror-job\/lifeboat\.js sync -c \S+ --report \S+$/;

test('the systemd service runs one sync as nobody, and fails if the sync fails', async () => {
  const unit = parseUnit(await readFile(join(INFRA, 'systemd/lifeboat.service'), 'utf8'));
  const service = unit.get('Service');
  expect(service?.get('Type')).toEqual(['oneshot']);
  expect(commandOf(unit).join(' ')).toMatch(SYNC);
  expect(service?.get('DynamicUser')).toEqual(['yes']);
  expect(service?.has('SuccessExitStatus')).toBe(false);
  expect(service?.get('TimeoutStartSec')).toEqual([`${SIX_HOURS_SECONDS / 3600}h`]);
});

test('the systemd timer starts the service by its name, and makes up for a missed run', async () => {
  const unit = parseUnit(await readFile(join(INFRA, 'systemd/lifeboat.timer'), 'utf8'));
  expect(unit.get('Timer')?.get('OnCalendar')).toEqual(['*-*-* *:17:00']);
  expect(unit.get('Timer')?.get('Persistent')).toEqual(['true']);
  expect(unit.get('Timer')?.has('Unit')).toBe(false);
  expect(unit.get('Install')?.get('WantedBy')).toEqual(['timers.target']);
});

test('the scheduled GitHub workflow runs one sync at a time, with the keys from secrets', async () => {
  const workflow: unknown = parse(await readFile(join(INFRA, 'github/mirror.yml'), 'utf8'));
  expect(workflow).toMatchObject({
    on: { schedule: [{ cron: '17 * * * *' }] },
    permissions: { contents: 'read' },
    concurrency: { group: 'lifeboat', 'cancel-in-progress': false },
    jobs: {
      sync: {
        steps: expect.arrayContaining([
          expect.objectContaining({
            run: 'exec lifeboat/node_modules/.bin/node lifeboat/mirror-job/lifeboat.js sync -c lifeboat.yaml',
            env: {
              S3_ENDPOINT: '${{ secrets.S3_ENDPOINT }}',
              S3_ACCESS_KEY_ID: '${{ secrets.S3_ACCESS_KEY_ID }}',
              S3_SECRET_ACCESS_KEY: '${{ secrets.S3_SECRET_ACCESS_KEY }}',
            },
          }),
        ]),
      },
    },
  });
});

test('the workflow of this repository runs the README’s commands on Node 20, and .ci/run', async () => {
  const workflow: unknown = parse(await readFile(join(INFRA, '../.github/workflows/ci.yml'), 'utf8'));
  expect(workflow).toMatchObject({
    jobs: {
      check: {
        strategy: { matrix: { node: expect.arrayContaining([20]) } },
        steps: expect.arrayContaining([{ run: 'npm ci' }, { run: 'npm run check' }, { run: 'npm test' }]),
      },
      'real-parts': { steps: expect.arrayContaining([{ run: 'bash .ci/run' }]) },
    },
  });
});

test('the Kubernetes CronJob runs one sync at a time, not as root, and does not repeat a sync that failed in part', async () => {
  const cronJob: unknown = parse(await readFile(join(INFRA, 'kubernetes/base/cronjob.yaml'), 'utf8'));
  expect(cronJob).toMatchObject({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    spec: {
      schedule: '17 * * * *',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 1800,
      jobTemplate: {
        spec: {
          backoffLimit: 0,
          activeDeadlineSeconds: SIX_HOURS_SECONDS,
          template: {
            spec: {
              restartPolicy: 'Never',
              serviceAccountName: 'lifeboat',
              automountServiceAccountToken: false,
              securityContext: {
                runAsNonRoot: true,
                runAsUser: 1000,
                runAsGroup: 1000,
                seccompProfile: { type: 'RuntimeDefault' },
              },
              containers: [
                {
                  args: ['sync', '-c', '/etc/lifeboat/lifeboat.yaml'],
                  envFrom: [{ secretRef: { name: 'lifeboat' } }],
                  resources: { requests: { memory: '256Mi' }, limits: { memory: '400Mi' } },
                  securityContext: {
                    readOnlyRootFilesystem: true,
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ['ALL'] },
                  },
                  volumeMounts: [{ name: 'configuration', mountPath: '/etc/lifeboat', readOnly: true }],
                },
              ],
              volumes: [{ name: 'configuration', configMap: { name: 'lifeboat' } }],
            },
          },
        },
      },
    },
  });
});

test('the files that the Dockerfile copies are enough to build the bundle, and to run it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-image-'));
  try {
    const [, ...args] = await buildImageTree(folder);
    const { code, stdout } = await runProgram(process.execPath, [...args, '--help'], { cwd: folder });
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: lifeboat COMMAND')]);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
