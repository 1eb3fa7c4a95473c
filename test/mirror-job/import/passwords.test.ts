/** Tests that an import copies no password, and reads variables as they are. */
import { expect, test, vi } from 'vitest';
import { useImportFolder } from './import-folder.ts';

// The limit is wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000 });

const { importFile, write } = useImportFolder();

test('variables in a list of skopeo stay, and import says nothing about them', async () => {
  await write(
    'variables.yml',
    `
docker.io:
  images: { library/alpine: ['3.20'] }
  credentials: { username: "\${HUB_USER}", password: "\${HUB_TOKEN}" }
quay.io:
  images: { org/app: [v1] }
  credentials: { username: "robot+\${TEAM}", password: "\${QUAY}" }
ghcr.io:
  images: { org/app: [v1] }
  credentials: { username: robot, password: "pre\${PART}" }
`,
  );
  const { text, code, messages, upstreams } = await importFile('variables.yml');
  expect(messages).toEqual([
    'not carried variables.yml:10: ["ghcr.io"].credentials.password: a password is not copied into another file. Set the environment variable GHCR_IO_PASSWORD to it.',
    'written variables.yml.out: 3 images; 1 not carried, listed above',
  ]);
  expect([...upstreams].map(([host, { credentials }]) => [host, credentials])).toEqual([
    ['docker.io', [{ username: 'x', password: 'x' }]],
    ['quay.io', [{ username: 'robot+x', password: 'x' }]],
    ['ghcr.io', [{ username: 'robot', password: 'x' }]],
  ]);
  expect(text).toContain('username: ${HUB_USER}\n        password: ${HUB_TOKEN}\n');
  expect(text).toContain('username: robot+${TEAM}\n        password: ${QUAY}\n');
  expect(code).toBe(1);
});

test('two hosts with similar names get two variables for their passwords', async () => {
  const settings = '{ images: { app: [v1] }, credentials: { username: u, password: p } }';
  await write('alike.yml', `my-reg.io: ${settings}\nmy.reg.io: ${settings}\n`);
  const { text } = await importFile('alike.yml');
  expect(text).toContain('password: ${MY_REG_IO_PASSWORD}');
  expect(text).toContain('password: ${MY_REG_IO_2_PASSWORD}');
});
