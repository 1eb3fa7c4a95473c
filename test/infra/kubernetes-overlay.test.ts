/** infra/kubernetes: the example's variables are those that its configurations and arguments read. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../mirror-job/configuration/parse.ts';
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');
const KUBERNETES = join(PROJECT, 'infra/kubernetes');

function read(file: string): Promise<string> {
  return readFile(join(KUBERNETES, file), 'utf8');
}

/** Reads a file of variables as kustomize does. */
async function variablesOf(file: string): Promise<Record<string, string>> {
  const lines = (await read(file)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => line.split('=', 2)));
}

test.each([
  ['base/lifeboat.yaml', 'environment'],
  ['overlays/example/lifeboat.yaml', 'environment'],
  ['overlays/example/lifeboat.yaml', 'drill.environment'],
  ['base/images.lifeboat.yaml', 'images.environment'],
  ['components/workload-identity/images.lifeboat.yaml', 'images.environment'],
])('%s is a configuration, with the variables of %s', async (file, variables) => {
  const environment = await variablesOf(`overlays/example/${variables}`);
  // The CronJob that publishes a list needs the store alone.
  const reading = { needsImages: variables !== 'images.environment' };
  const { store } = parseConfiguration(file, await read(file), environment, reading);
  expect(store).toMatchObject({ bucket: 'lifeboat', region: 'auto' });
});

test('the variables of edge-example are among those that workerd hands on', async () => {
  const known = await readFile(join(PROJECT, 'infra/edge/variables.capnp'), 'utf8');
  const names = Object.keys(await variablesOf('overlays/edge-example/environment'));
  expect(names).toContain('S3_ENDPOINT');
  expect(names.filter((name) => !known.includes(`fromEnvironment = "${name}"`))).toEqual([]);
});

test('the name of the cluster comes from the environment of its CronJob', async () => {
  expect(await read('base/images.yaml')).toContain('--cluster, $(CLUSTER), ');
  expect(await variablesOf('overlays/example/images.environment')).toMatchObject({ CLUSTER: 'my-cluster' });
});

test('git ignores an overlay of one’s own, and not the examples', async () => {
  const files = [
    'mine/environment',
    'mine/kustomization.yaml',
    'example/environment',
    'edge-example/environment',
  ];
  const paths = files.map((file) => `infra/kubernetes/overlays/${file}`);
  const { stdout } = await runProgram('git', ['check-ignore', '--no-index', ...paths], { cwd: PROJECT });
  expect(stdout.trim().split('\n')).toEqual(paths.slice(0, 2));
});
