/** The packed file, in an empty folder without a network, on the oldest and the project's own Node. */
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import about from '../../package.json' with { type: 'json' };
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { NOBODYS } from '../support/nobody.ts';
import { packInto, type Packed } from '../support/packed.ts';
import { runProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

let folder = '';
let packed: Packed;
let upstream: Upstream;
let store: S3Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-package-'));
  packed = await packInto(folder);
  upstream = await startDockerRegistry();
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  await pushRepository('team/app', app, { url: upstream.url });
  store = await startS3Server({ buckets: 2 });
});

afterAll(async () => {
  await store?.stop();
  await upstream?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each([
  ['the oldest line of Node', async () => requireProgram('node22'), 0],
  ['the Node of the project', async () => process.execPath, 1],
] as const)('on %s', (_name, findNode, index) => {
  let empty = '';
  let env: Record<string, string> = {};

  beforeEach(async () => {
    empty = await mkdtemp(join(folder, 'empty-'));
    const programs = await mkdtemp(join(folder, 'programs-'));
    await symlink(await findNode(), join(programs, 'node'));
    const home = join(empty, '.home');
    await mkdir(home);
    await copyFile(packed.file, join(empty, 'lifeboat.tgz'));
    env = { ...NOBODYS, HOME: home, PATH: `${programs}:/usr/local/bin:/usr/bin:/bin` };
  });

  /** Runs a command in the empty folder, in a namespace of its own without a network. */
  async function offline(command: string) {
    const args = ['--net', 'env', '-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    return runProgram('unshare', [...args, 'sh', '-c', command], { cwd: empty, timeout: 100_000 });
  }

  test('npx of the packed file runs, and a command that it suggests can be pasted', async () => {
    const { code, stdout } = await offline('npx --yes ./lifeboat.tgz --version');
    expect([code, stdout]).toEqual([0, `lifeboat ${about.version}\n`]);
    const unknown = await offline('npx --yes ./lifeboat.tgz snyc');
    const [, suggested = ''] = /"(\S+) --help"/.exec(unknown.stderr) ?? [];
    expect([unknown.code, suggested]).toEqual([2, expect.stringMatching(/^\/.*\/_npx\/.*\/lifeboat$/)]);
    const pasted = await offline(`${suggested} --help`);
    expect([pasted.code, pasted.stdout]).toEqual([0, expect.stringContaining('Usage: lifeboat COMMAND')]);
  });

  test('npm installs it, with nothing beside it, and the bundle mirrors', async () => {
    const installed = await offline('npm install --prefix . ./lifeboat.tgz');
    expect([installed.code, installed.stderr]).toEqual([0, '']);
    const modules = await readdir(join(empty, 'node_modules'));
    expect(modules.filter((name) => !name.startsWith('.'))).toEqual(['lifeboat']);
    const { endpoint, region, buckets, accessKeyId, secretAccessKey } = store;
    const configuration = {
      store: { endpoint, region, bucket: buckets[index], accessKeyId, secretAccessKey },
      upstreams: { [upstream.host]: { insecure: true } },
      images: [`${upstream.host}/team/app:one`],
    };
    await writeFile(join(empty, 'lifeboat.yaml'), JSON.stringify(configuration));
    // Nothing but the bundle is there to run. The option refuses TypeScript all the same.
    const program = join(empty, 'node_modules/lifeboat/mirror-job/lifeboat.js');
    const args = ['--no-experimental-strip-types', program, 'sync'];
    const synced = await runProgram(await findNode(), args, { cwd: empty, env });
    expect([synced.code, synced.stdout]).toEqual([0, expect.stringContaining('1 created')]);
    const again = await runProgram(await findNode(), args, { cwd: empty, env });
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^1 unchanged/)]);
  });

  test('every command shows its help, so nothing that a command loads is missing', async () => {
    const program = join(packed.folder, 'mirror-job/lifeboat.js');
    const help = await runProgram(await findNode(), [program, '--help'], { cwd: empty, env });
    const names = [...help.stdout.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const { code, stdout } = await runProgram(await findNode(), [program, name, '--help'], {
        cwd: empty,
        env,
      });
      expect([name, code, stdout]).toEqual([name, 0, expect.stringContaining(`lifeboat ${name}`)]);
    }
  });
});
