/**
 * Tests a bucket that was used before, at a store that ignores conditions: the job reads it, and never writes into it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { close, listen } from '../../support/http-server.ts';
import { runProgram } from '../../support/process.ts';
import { startRogueRegistry } from '../../support/rogue-registry.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { bundledJob } from '../../support/shared.ts';

const MAIN = await bundledJob();
const IDENTITY = JSON.stringify({ version: 1, id: 'an-id', audience: 'public' });

/** The notes of an earlier configuration with two other stores. The run has to record that there is only one now. */
const NOTES = JSON.stringify({
  stores: ['another', 'a third'].map((store) => ({
    store,
    id: store,
    inStep: true,
    since: '2026-01-01T00:00:00.000Z',
    run: 'a run',
  })),
});

test.each([
  ['an only store', undefined, 1],
  ['an only store, for which the writes of many tags wait,', undefined, 60],
  ['the only remaining one of several stores', NOTES, 1],
])(
  '%s is refused with exit code 2 if it ignores conditions, and the run tries only the probe of all its writes',
  async (_, notes, tags) => {
    const app = emptyRepository();
    for (let index = 0; index < tags; index += 1) {
      tagAs(app, addImage(app, { layers: [await addLayer(app, `layer ${index}`)] }), `tag-${index}`);
    }
    const registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
    const puts: string[] = [];
    const server = createServer((request, response) => {
      const key = (request.url ?? '').split('?', 1)[0];
      if (request.method === 'PUT') {
        puts.push(key ?? '');
        // The answer is late, so that every write of the run has to wait for it.
        setTimeout(() => response.writeHead(200, { etag: '"e"' }).end(), 200);
      } else if (key === '/bucket/lifeboat.json') {
        response.writeHead(200, { etag: '"e"', 'content-type': 'application/json' }).end(IDENTITY);
      } else if (key === '/bucket/state/_stores.json' && notes !== undefined) {
        response.writeHead(200, { etag: '"e"', 'content-type': 'application/json' }).end(notes);
      } else {
        const isList = key === '/bucket' || key === '/bucket/';
        response.writeHead(isList ? 200 : 404, { 'content-type': 'application/xml' });
        response.end(isList ? '<ListBucketResult/>' : '<Error><Code>NoSuchKey</Code></Error>');
      }
    });
    const endpoint = `http://127.0.0.1:${await listen(server)}`;
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-unsafe-'));
    try {
      const file = join(folder, 'lifeboat.yaml');
      const store = {
        endpoint,
        bucket: 'bucket',
        accessKeyId: 'id',
        secretAccessKey: 'key',
        pathStyle: true,
      };
      const upstreams = { [registry.host]: { insecure: true, credentials: [] } };
      const images = [{ source: `${registry.host}/team/app`, tags: ['*'] }];
      await writeFile(file, JSON.stringify({ store, upstreams, images }));
      const args = [MAIN, 'sync', '-c', file, '--json'];
      const { code, stdout, stderr } = await runProgram(process.execPath, args, { env: NOBODYS });
      expect(stderr).toBe(
        `lifeboat: the configuration cannot be used.\n${file}:1: store: The bucket "bucket" at ${endpoint} does not honour If-None-Match, so two runs at once could undo each other's tags. If you make sure that runs never overlap, set store.singleWriter: true.\n`,
      );
      expect([code, stdout]).toEqual([2, '']);
      expect([...new Set(puts)]).toEqual(['/bucket/state/default/probe']);
    } finally {
      await registry.stop();
      await close(server);
      await rm(folder, { recursive: true, force: true });
    }
  },
  30_000,
);
