/** The action of infra/action/, from a tree as `npm ci` leaves it, with a real registry and a real store. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAction } from '../support/action-run.ts';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { allowWriting, installTree } from '../support/installed-tree.ts';
import { NOBODYS } from '../support/nobody.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

let folder = '';
let upstream: Upstream;
let store: S3Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-action-clients-'));
  await mkdir(join(folder, 'work/lifeboat'), { recursive: true });
  await installTree(join(folder, 'work/lifeboat'));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/npm'), '#!/bin/sh\n');
  await chmod(join(folder, 'bin/npm'), 0o755);
  upstream = await startDockerRegistry();
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  await pushRepository('team/app', app, { url: upstream.url });
  store = await startS3Server();
});

afterAll(async () => {
  await store?.stop();
  await upstream?.stop();
  await allowWriting(folder);
  await rm(folder, { recursive: true, force: true });
});

async function run(command: string) {
  return runAction({
    action: join(folder, 'work/lifeboat/infra/action'),
    workspace: join(folder, 'work'),
    inputs: { command, 'public-log': 'yes' },
    env: {
      ...NOBODYS,
      PATH: `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`,
      KEY: store.accessKeyId,
      SECRET: store.secretAccessKey,
    },
  });
}

test('a plan shows the image in the summary and writes nothing, a run mirrors it, and the next one has nothing to do', async () => {
  const { endpoint, region, bucket } = store;
  const configuration = {
    store: { endpoint, region, bucket, accessKeyId: '${KEY}', secretAccessKey: '${SECRET}' },
    upstreams: { [upstream.host]: { insecure: true } },
    images: [`${upstream.host}/team/app:one`],
  };
  await writeFile(join(folder, 'work/lifeboat.yaml'), JSON.stringify(configuration));
  const results = [await run('plan'), await run('sync'), await run('sync')];
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  const [planned = '', created = '', unchanged = ''] = results.map(({ summary }) => summary);
  expect(planned).toContain(`\n${upstream.host}/team/app\n`);
  expect(planned).toContain('\n1 new · ');
  // Had the plan written the image, the run would have found it.
  expect(created).toContain('\n1 created');
  expect(unchanged).toContain('\n1 unchanged');
});
