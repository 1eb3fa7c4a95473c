/** Tests the program on a real terminal: the questions of `init`, tables on few columns, and the progress of a run. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { NOBODYS } from '../support/nobody.ts';
import { runProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');

let folder = '';
let store: S3Server;
let registry: RogueRegistry;
let upstream: CountingProxy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-terminal-'));
  const app = emptyRepository();
  const layers = [await addLayer(app, 'large', { size: 400_000 }), await addLayer(app, 'small')];
  tagAs(app, addImage(app, { layers }), '1.10', '1.9');
  [store, registry] = await Promise.all([
    startS3Server(),
    startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } }),
  ]);
  // A layer takes three seconds, so that its line is seen.
  upstream = await startCountingProxy({ target: registry.url, bytesPerSecond: 130_000 });
});

afterAll(async () => {
  await upstream?.stop();
  await Promise.all([registry?.stop(), store?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** Runs the program on a terminal of so many columns. @returns the exit code, and all that the terminal got, without colours */
async function onTerminal(args: readonly string[], { columns = 80, input = '' } = {}) {
  const script = await requireProgram('script');
  const command = `stty cols ${columns} rows 24; ${process.execPath} ${MAIN} ${args.join(' ')}`;
  const { code, stdout } = await runProgram(script, ['-qec', command, '/dev/null'], {
    cwd: folder,
    env: {
      ...NOBODYS,
      DOCKER_CONFIG: folder,
      TERM: 'xterm',
      NO_COLOR: '1',
      S3_ACCESS_KEY_ID: store.accessKeyId,
      S3_SECRET_ACCESS_KEY: store.secretAccessKey,
    },
    input,
  });
  return { code, text: stdout.replaceAll('\r', '') };
}

test('init asks its five questions, asks again after an answer that cannot be used, and tries the bucket', async () => {
  const answers = [
    's3',
    store.endpoint,
    store.bucket,
    'nginx',
    'docker.io/library/nginx:1.27',
    'token',
    '',
    'https://mirror.test',
  ];
  const { code, text } = await onTerminal(['init', '-o', 'asked.yaml', '--region', store.region], {
    input: `${answers.join('\n')}\n`,
  });
  expect(text).toContain('written asked.yaml');
  expect(code).toBe(0);
  for (const number of [1, 2, 3, 4, 5]) expect(text).toContain(`${number} of 5: `);
  expect(text).toContain('  "s3" is not an address such as https://s3.example.com.');
  expect(text).toContain('  "nginx" has no tag: write one, as in nginx:1.0.');
  expect(text).toMatch(/answers, is empty, and honours conditional writes\./);
  const made = await readFile(join(folder, 'asked.yaml'), 'utf8');
  expect(made).toContain(`  bucket: ${store.bucket}\n  region: ${store.region}\n`);
  expect(made).toContain('\nimages:\n  - docker.io/library/nginx:1.27\n');
});

test('init whose questions are not answered to the end writes nothing', async () => {
  const { code, text } = await onTerminal(['init', '-o', 'half.yaml'], {
    input: 'https://s3.example.com\nmirror\n',
  });
  expect([code, text]).toEqual([2, expect.stringContaining('there was no answer, so nothing was written.')]);
  await expect(readFile(join(folder, 'half.yaml'))).rejects.toThrow('ENOENT');
});

test('a run shows the percent of its bytes and the tag of each blob, a quiet run shows nothing, and status fits', async () => {
  const { endpoint, bucket, region } = store;
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    JSON.stringify({
      store: {
        endpoint,
        bucket,
        region,
        prefix: 'run',
        accessKeyId: '${S3_ACCESS_KEY_ID}',
        secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
      },
      upstreams: { [new URL(upstream.url).host]: { insecure: true, credentials: [] } },
      images: [{ source: `${new URL(upstream.url).host}/team/app`, tags: ['1.10', '1.9'] }],
    }),
  );
  const run = await onTerminal(['sync']);
  expect(run.code).toBe(0);
  expect(run.text).toMatch(/[█░]{10} +[1-9]\d? % {2}0 of 2 images · .* left · .* of 4\d\d kB · .*\/s/);
  expect(run.text).toMatch(
    /\n +\d+ % {2}of 400 kB {2}127\.0\.0\.1:\d+\/team\/app:1\.(?:10|9)@sha256:[0-9a-f]{12}\n/,
  );
  // Sorted, and the numbers count as numbers.
  expect(run.text).toMatch(/created .*:1\.9\ncreated .*:1\.10\n/);

  expect(await onTerminal(['sync', '-q'])).toEqual({ code: 0, text: '' });

  const wide = await onTerminal(['status', '--tags'], { columns: 160 });
  expect(wide.text).toMatch(/\nimage +digest +since +state +size\n/);
  const narrow = await onTerminal(['status', '--tags'], { columns: 60 });
  expect(narrow.text).toMatch(/\nimage +since +state\n/);
  expect(narrow.text).toContain('\nNo room for: digest, size. A wider terminal shows them.\n');
  const table = narrow.text.split('\n\n')[1]?.split('\n') ?? [];
  expect(table.length).toBeGreaterThan(2);
  expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(60);
});
