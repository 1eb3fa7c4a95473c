/** Tests that `lifeboat deploy --dry-run` shows every step and file, asks nobody, and changes nothing. `vitest -u` writes the golden files. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { runProgram } from '../../support/process.ts';
import { Clone } from './clone.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const R2 =
  'store: { endpoint: "${S3_ENDPOINT}", bucket: lifeboat, accessKeyId: "${S3_ACCESS_KEY_ID}", secretAccessKey: "${S3_SECRET_ACCESS_KEY}" }\n';
const IMAGES = 'images: [docker.io/library/alpine:3.20]\n';

const CASES = [
  { name: 'smallest', text: R2 + IMAGES, args: ['--domain', 'mirror.example.com'] },
  {
    name: 'everything',
    text: `name: team-a
store: { endpoint: https://0123.r2.cloudflarestorage.com, bucket: team-mirror, prefix: 'a/b', audience: token, accessKeyId: "\${S3_KEY}", secretAccessKey: "\${S3_SECRET}" }
upstreams: { quay.io: { credentials: [{ username: a, password: "\${QUAY_TOKEN}" }] } }
edge: { url: https://mirror.example.com }
images:
  - { source: quay.io/team/app, tags: { semver: '>=1.0', latest: 5 } }
  - { source: docker.io/library/nginx, tags: ['*'] }
onDemand: ['docker.io/library/*']
`,
    secrets: 'EDGE_S3_ACCESS_KEY_ID=k\nEDGE_S3_SECRET_ACCESS_KEY=s\n',
    args: ['--secrets', 'secrets.env', '--pulls', '600000'],
  },
  {
    name: 'edge-over-aws',
    text: `store: { region: eu-central-1, bucket: our-mirror }\n${IMAGES}`,
    args: ['--edge-only', '--domain', 'mirror.example.com'],
  },
] as const;

interface Printed {
  readonly steps: readonly {
    readonly verb: string;
    readonly what: string;
    readonly lines?: readonly string[];
  }[];
}

let clone: Clone | undefined;

afterEach(() => clone?.remove());

async function makeClone(one: (typeof CASES)[number]): Promise<Clone> {
  clone = await Clone.make(one.text);
  if ('secrets' in one) await clone.write('secrets.env', one.secrets);
  return clone;
}

test.for(CASES)('it prints every step and file: $name', async (one) => {
  const made = await makeClone(one);
  const before = await readdir(made.folder, { recursive: true });
  const { code, stdout, stderr } = await made.deploy([...one.args, '--dry-run']);
  expect([code, stderr]).toEqual([0, '']);
  const golden = join(import.meta.dirname, 'golden', `${one.name}.txt`);
  await expect(stdout.replaceAll(/lifeboat-[0-9a-f]{16}/g, 'lifeboat-FINGERPRINT')).toMatchFileSnapshot(
    golden,
  );
  expect((await made.account()).calls).toEqual([]);
  expect(await readdir(made.folder, { recursive: true })).toEqual(before);
});

test('the JSON has the same steps, and the files line by line', async () => {
  const made = await makeClone(CASES[0]);
  const { code, stdout } = await made.deploy([...CASES[0].args, '--dry-run', '--json']);
  const printed: Printed = JSON.parse(stdout);
  expect([code, printed]).toEqual([
    0,
    expect.objectContaining({ dryRun: true, url: 'https://mirror.example.com' }),
  ]);
  expect(printed.steps.map(({ verb }) => verb)).toEqual([
    'write',
    'write',
    'create',
    'put',
    'deploy',
    'put',
    'deploy',
    'put',
    'begin',
  ]);
  expect(printed.steps[0]?.lines).toContain(
    'routes = [{ pattern = "mirror.example.com", custom_domain = true }]',
  );
});

test('wrangler accepts the files, and builds the Workers of them', { timeout: 120_000 }, async () => {
  const one = CASES[1];
  const made = await makeClone(one);
  const dry = await made.deploy([...one.args, '--dry-run', '--json']);
  const { steps }: Printed = JSON.parse(dry.stdout);
  for (const { what, lines } of steps) {
    if (lines === undefined) continue;
    const folder = what.startsWith('mirror-job/') ? 'mirror-job' : '.';
    const text = lines
      .join('\n')
      .replace(/^main = "(.*)"$/m, (_, main: string) => `main = "${join(PROJECT, folder, main)}"`)
      .replace(/^command = .*$/m, 'command = "node --version"');
    const file = join(made.folder, `built-${folder === '.' ? 'edge' : 'job'}.toml`);
    await writeFile(file, text);
    const read = unstable_readConfig({ config: file }, { hideWarnings: true });
    expect(read.name).toBe(folder === '.' ? 'lifeboat' : 'lifeboat-job');
    const args = ['deploy', '--dry-run', '-c', file, '--outdir', join(made.folder, 'out')];
    const env = { WRANGLER_WRITE_LOGS: 'false', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
    const { code, stderr } = await runProgram(join(PROJECT, 'node_modules/.bin/wrangler'), args, {
      cwd: PROJECT,
      env,
    });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('WARNING')]);
    await rm(file);
  }
});
