/** Everything that the release's workflow runs and names exists, and each job may do no more than it has to. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import about from '../../package.json' with { type: 'json' };
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');

const STEP = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const WORKFLOW = z.object({
  on: z.unknown(),
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(
    z.string(),
    z.object({
      needs: z.string().optional(),
      permissions: z.record(z.string(), z.string()).optional(),
      strategy: z
        .object({ matrix: z.object({ include: z.array(z.record(z.string(), z.string())) }) })
        .optional(),
      steps: z.array(STEP),
    }),
  ),
});

const WORKFLOW_OF_RELEASE = WORKFLOW.parse(
  parse(await readFile(join(PROJECT, '.github/workflows/release.yml'), 'utf8')),
);
const { jobs } = WORKFLOW_OF_RELEASE;
const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
const parts = jobs['images']?.strategy?.matrix.include ?? [];

test('only a tag starts it, and nothing is published before the tests have passed', () => {
  expect(WORKFLOW_OF_RELEASE.on).toEqual({ push: { tags: ['v*'] } });
  expect(Object.entries(jobs).map(([name, { needs }]) => [name, needs])).toEqual([
    ['test', undefined],
    ['package', 'test'],
    ['images', 'test'],
  ]);
  expect(jobs['test']?.steps.flatMap(({ run }) => run ?? [])).toEqual(
    expect.arrayContaining(['npm run check', 'npm test']),
  );
});

test('each npm script and each file that it runs exists', async () => {
  const npmScripts = scripts.flatMap((text) =>
    [...text.matchAll(/\bnpm run (\S+)/g)].map(([, name]) => name),
  );
  expect(npmScripts).toEqual(['check']);
  for (const name of npmScripts) expect(Object.keys(about.scripts)).toContain(name);
  const files = scripts.flatMap((text) => [...text.matchAll(/\binfra\/[\w./$-]+/g)].map(([path]) => path));
  expect(new Set(files)).toEqual(new Set(['infra/package/assemble.js', 'infra/images/$PART/Dockerfile']));
  for (const file of files) {
    for (const { part = '' } of parts) await access(join(PROJECT, file.replace('$PART', part)));
  }
});

test('each image is built by its Dockerfile, on the base image that the Dockerfile names, with all of its arguments', async () => {
  expect(parts.map(({ part, name }) => [part, name])).toEqual([
    ['job', 'lifeboat'],
    ['edge', 'lifeboat-edge'],
  ]);
  const build = scripts.find((text) => text.includes('docker buildx build')) ?? '';
  const given = new Set([...build.matchAll(/--build-arg "(\w+)=/g)].map(([, name]) => name));
  for (const { part = '', base = '' } of parts) {
    const dockerfile = await readFile(join(PROJECT, 'infra/images', part, 'Dockerfile'), 'utf8');
    expect(dockerfile).toContain(`\nFROM ${base}@\${BASE_DIGEST}\n`);
    const [, node = ''] = /imagetools inspect (\S+) /.exec(build) ?? [];
    expect(dockerfile).toContain(` ${node}@\${NODE_DIGEST} AS build\n`);
    const [beforeStages = ''] = dockerfile.split(/^FROM /m);
    expect(new Set(beforeStages.match(/(?<=^ARG )\w+$/gm))).toEqual(given);
  }
});

test('the package and the images are published with provenance, and the images with a bill of materials too', () => {
  expect(scripts.filter((text) => /\bnpm publish\b/.test(text))).toEqual([
    'npm publish ./dist/package --access public --provenance',
  ]);
  const build = scripts.find((text) => text.includes('docker buildx build')) ?? '';
  expect(build).toMatch(/ --provenance=mode=max --sbom=true .*--push \.$/ms);
  const signed = (jobs['images']?.steps ?? []).find(({ uses = '' }) =>
    uses.includes('attest-build-provenance'),
  );
  expect(signed?.with).toEqual({
    'subject-name': '${{ steps.build.outputs.repository }}',
    'subject-digest': '${{ steps.build.outputs.digest }}',
    'push-to-registry': true,
  });
});

test('each job has the permissions that it needs, and no other', () => {
  expect(WORKFLOW_OF_RELEASE.permissions).toEqual({ contents: 'read' });
  expect(Object.entries(jobs).map(([name, { permissions }]) => [name, permissions])).toEqual([
    ['test', undefined],
    ['package', { contents: 'read', 'id-token': 'write' }],
    ['images', { contents: 'read', packages: 'write', 'id-token': 'write', attestations: 'write' }],
  ]);
});

test('each script has valid syntax, and no text of an expression in it, which a shell would run', async () => {
  for (const text of scripts) {
    expect(text).not.toContain('${{');
    const { code, stderr } = await runProgram('bash', ['-n', '-c', text]);
    expect([text, code, stderr]).toEqual([text, 0, '']);
  }
});

test.each([
  [`v${about.version}`, 0],
  [`v${about.version}.1`, 1],
  ['v99.0.0', 1],
])('a tag %s ends the check of the version with %d', async (tag, code) => {
  const check = scripts.find((text) => text.includes('GITHUB_REF_NAME" =')) ?? '';
  const env = { GITHUB_REF_NAME: tag };
  expect((await runProgram('bash', ['-e', '-c', check], { cwd: PROJECT, env })).code).toBe(code);
});

test('the step that assembles the package gives it the owner’s scope, in lower case, and the repository', async () => {
  const assemble = scripts.find((text) => text.includes('assemble.js')) ?? '';
  const env = {
    GITHUB_REPOSITORY_OWNER: 'Your-Team',
    GITHUB_SERVER_URL: 'https://git.example.com',
    GITHUB_REPOSITORY: 'Your-Team/lifeboat',
  };
  const print = 'node() { printf "%s\\n" "$@"; }';
  const { stdout } = await runProgram('bash', ['-e', '-c', `${print}; ${assemble}`], { cwd: PROJECT, env });
  expect(stdout.trim().split('\n')).toEqual([
    'infra/package/assemble.js',
    '--name',
    '@your-team/lifeboat',
    '--repository',
    'https://git.example.com/Your-Team/lifeboat',
  ]);
});
