import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../support/process.ts';

const INFRA = join(import.meta.dirname, '../../infra');
/** The commands that a schedule runs go through `npx --no`: without it, npm would fetch a stranger's package. */
const SYNC = /npx --no lifeboat sync -c \S+ --report \S+/;

/** systemd's own format: sections of `Key=Value`, of which a key may be given several times. */
function parseUnit(text: string): Map<string, Map<string, string[]>> {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = new Map();
      sections.set(name, section);
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (section === undefined || key === undefined || value === undefined) {
      throw new Error(`line ${index + 1} is neither a section nor a setting: ${line}`);
    }
    section.set(key, [...(section.get(key) ?? []), value]);
  }
  return sections;
}

test('the systemd service runs one sync, as nobody, and is failed when the sync is', async () => {
  const unit = parseUnit(await readFile(join(INFRA, 'systemd/lifeboat.service'), 'utf8'));
  const service = unit.get('Service');
  expect(service?.get('Type')).toEqual(['oneshot']);
  expect(service?.get('ExecStart')).toHaveLength(1);
  expect(service?.get('ExecStart')?.[0]).toMatch(SYNC);
  expect(service?.get('DynamicUser')).toEqual(['yes']);
  expect(service?.has('SuccessExitStatus')).toBe(false);
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
            run: expect.stringMatching(SYNC),
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

test('the Kubernetes CronJob runs one sync at a time, as nobody, and does not repeat what failed in part', async () => {
  const cronJob: unknown = parse(await readFile(join(INFRA, 'kubernetes/cronjob.yaml'), 'utf8'));
  expect(cronJob).toMatchObject({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    spec: {
      schedule: '17 * * * *',
      concurrencyPolicy: 'Forbid',
      jobTemplate: {
        spec: {
          backoffLimit: 0,
          template: {
            spec: {
              restartPolicy: 'Never',
              automountServiceAccountToken: false,
              containers: [
                {
                  args: ['sync', '-c', '/etc/lifeboat/lifeboat.yaml'],
                  envFrom: [{ secretRef: { name: 'lifeboat' } }],
                  securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true },
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

test('what the Dockerfile copies is all that the bundle is built from, and that runs', async () => {
  const dockerfile = await readFile(join(INFRA, 'kubernetes/Dockerfile'), 'utf8');
  const [build = '', run = ''] = dockerfile.split(/^FROM /m).slice(1);
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-image-'));
  try {
    const top = join(INFRA, '..');
    const copy = async (stage: string, to: string) => {
      for (const [, names = '', target = ''] of stage.matchAll(/^COPY (.+) (\S+)$/gm)) {
        const [first, ...others] = names.split(' ');
        const isBuilt = first === '--from=build';
        for (const name of isBuilt ? others : names.split(' ')) {
          const from = isBuilt ? name.replace('/opt/lifeboat', join(folder, 'build')) : join(top, name);
          const path = target.endsWith('/') ? join(target, basename(name)) : target;
          await cp(from, join(folder, to, path), { recursive: true });
        }
      }
    };
    await copy(build, 'build');
    await symlink(join(top, 'node_modules'), join(folder, 'build/node_modules'));
    const built = await runProgram('npm', ['run', 'build'], { cwd: join(folder, 'build') });
    expect([built.code, built.stderr.replaceAll(/^npm warn .*\n/gm, '')]).toEqual([0, '']);
    await copy(run, 'run');
    const start = [join(folder, 'run/mirror-job/lifeboat.js'), '--help'];
    const { code, stdout } = await runProgram(process.execPath, start, { cwd: folder });
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: lifeboat COMMAND')]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
