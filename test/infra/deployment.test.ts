/**
 * Tests that the example of a deployment builds as it is, is small, and differs from the local edge only where it has
 * to.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');
const EXAMPLE = join(PROJECT, 'wrangler.deploy.example.toml');
const JOB_EXAMPLE = join(PROJECT, 'mirror-job/wrangler.deploy.example.toml');
const QUIET = { WRANGLER_WRITE_LOGS: 'false', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };

const read = (config: string) => unstable_readConfig({ config }, { hideWarnings: true });

const CONFIGURATION = `store: { endpoint: "\${S3_ENDPOINT}", bucket: lifeboat }
images: [docker.io/library/alpine:3.20]
`;

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-deployed-'));
});

afterEach(() => rm(folder, { recursive: true }));

/**
 * Writes the example into the folder, as wrangler.deploy.toml. Its program stays where it is, and its check before a
 * deployment reads the folder's files.
 */
async function copyOf(example: string): Promise<string> {
  const copy = join(folder, 'wrangler.deploy.toml');
  const text = (await readFile(example, 'utf8'))
    .replace(/^main = "(.*)"$/m, (_, main: string) => `main = "${join(dirname(example), main)}"`)
    .replace(
      '"npx lifeboat check --worker mirror-job/wrangler.deploy.toml"',
      `"npx lifeboat check -c ${join(folder, 'lifeboat.yaml')} --worker ${copy}"`,
    );
  await writeFile(copy, text);
  return copy;
}

function deploy(config: string) {
  const args = ['deploy', '--dry-run', '-c', config, '--outdir', join(folder, 'deployed')];
  return runProgram(join(PROJECT, 'node_modules/.bin/wrangler'), args, { cwd: PROJECT, env: QUIET });
}

test.for([
  { what: 'edge', example: EXAMPLE, least: 10, most: 60 },
  { what: 'job', example: JOB_EXAMPLE, least: 50, most: 215 },
])(
  'wrangler deploys the example of the $what minified, within $most KiB gzipped',
  async ({ example, least, most }) => {
    await writeFile(join(folder, 'lifeboat.yaml'), CONFIGURATION);
    const { code, stdout } = await deploy(await copyOf(example));
    const [, size] = /gzip: ([\d.]+) KiB/.exec(stdout) ?? [];
    expect(code).toBe(0);
    expect(Number(size)).toBeGreaterThan(least);
    expect(Number(size)).toBeLessThan(most);
  },
);

test('a configuration that needs a machine ends the deployment of the job, by its key', async () => {
  const layout = "  - { source: 'oci:./images', name: a.test/b, tags: ['*'] }\n";
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    CONFIGURATION.replace('images: [docker.io/library/alpine:3.20]', `images:\n${layout}`),
  );
  const { code, stdout, stderr } = await deploy(await copyOf(JOB_EXAMPLE));
  expect(code).not.toBe(0);
  expect(`${stdout}${stderr}`).toContain('lifeboat.yaml:3: images[0].source: a Worker has no disk');
});

test('the example and the local edge are the same program for the same runtime', () => {
  const [deployed, local] = [read(EXAMPLE), read(join(PROJECT, 'wrangler.toml'))];
  for (const key of [
    'main',
    'compatibility_date',
    'compatibility_flags',
    'keep_names',
    'observability',
  ] as const) {
    expect([key, deployed[key]]).toEqual([key, local[key]]);
  }
  // "npx wrangler deploy" without -c must not replace the deployment with the local edge.
  expect(deployed.name).not.toBe(local.name);
  expect(Object.keys(deployed.vars)).toEqual(['S3_ENDPOINT', 'S3_BUCKET', 'S3_REGION', 'AUDIENCE']);
  expect(deployed.r2_buckets).toEqual([]);
});

function namesOf(
  workflows: readonly { readonly binding: string; readonly class_name: string }[],
): string[][] {
  return workflows.map(({ binding, class_name: name }) => [binding, name]);
}

test('the example of the job is the program that the tests run, with the same workflows', () => {
  const [deployed, local] = [read(JOB_EXAMPLE), read(join(PROJECT, 'mirror-job/wrangler.toml'))];
  for (const key of [
    'main',
    'compatibility_date',
    'compatibility_flags',
    'triggers',
    'observability',
  ] as const) {
    expect([key, deployed[key]]).toEqual([key, local[key]]);
  }
  expect(namesOf(deployed.workflows)).toEqual(namesOf(local.workflows));
  expect(deployed.r2_buckets).toMatchObject([{ binding: 'BUCKET' }]);
});

test('git ignores the files that people write into their clone, so that a pull has no conflict', async () => {
  const files = [
    'wrangler.deploy.toml',
    'mirror-job/wrangler.deploy.toml',
    'lifeboat.yaml',
    '.env',
    '.dev.vars',
  ];
  const { stdout } = await runProgram('git', ['check-ignore', '--no-index', ...files], { cwd: PROJECT });
  expect(stdout.trim().split('\n')).toEqual(files);
});

test('every wrangler command in the documentation names the deployment’s file', async () => {
  const [ofEdge, ofJob] = ['-c wrangler.deploy.toml', '-c mirror-job/wrangler.deploy.toml'];
  for (const [file, ...deployed] of [
    ['docs/edge.md', ofEdge],
    ['docs/upgrading.md', ofEdge, ofJob],
    ['wrangler.deploy.example.toml', ofEdge],
    ['docs/serverless.md', ofJob],
    ['mirror-job/wrangler.deploy.example.toml', ofJob],
  ] as const) {
    const text = await readFile(join(PROJECT, file), 'utf8');
    const commands = text.match(/npx wrangler (?:deploy|secret|tail|rollback|versions)\b[^`\n]*/g) ?? [];
    expect([file, commands.length]).not.toEqual([file, 0]);
    expect(commands.filter((command) => !deployed.some((option) => command.includes(option)))).toEqual([]);
  }
});
