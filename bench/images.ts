/** `npm run bench -- images` reads what `kubectl get pods -A -o json` prints of 10,000 and 20,000 pods: time and memory. */
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { runMeasured, type Measured } from './job/process-tree.ts';
import { spreadOf } from './statistics.ts';
import type { Row } from './table.ts';

const LIFEBOAT = join(import.meta.dirname, '../mirror-job/lifeboat.js');
const PODS = [10_000, 20_000] as const;
const ROUNDS = 3;
const LIMIT_MS = 120_000;
const MAX_BYTES = 200e6;
/** Twice the input may take this many times as long: the start of the process makes it less than two. */
const MAX_RATIO = 2.2;

export async function benchImages(folder: string, say: (text: string) => void): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const times: number[] = [];
  for (const pods of PODS) {
    const file = join(folder, `pods-${pods}.json`);
    say(`writing ${pods} pods`);
    await writePods(file, pods);
    const { size } = await stat(file);
    const readings: Measured[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`${pods} pods, round ${round} of ${ROUNDS}`);
      readings.push(
        await runMeasured(process.execPath, [LIFEBOAT, 'images', file, '--json'], { timeoutMs: LIMIT_MS }),
      );
    }
    if (readings.some(({ code }) => code !== 0)) throw new Error('lifeboat images failed.');
    const { median: seconds } = spreadOf(readings.map((one) => one.seconds));
    const peakBytes = Math.max(...readings.map((one) => one.peakBytes));
    times.push(seconds);
    const megabytes = (size / 1e6).toFixed(0);
    rows.push(
      { what: `${pods} pods, ${megabytes} MB: time`, goal: '', measured: `${seconds.toFixed(1)} s` },
      {
        what: `${pods} pods, ${megabytes} MB: memory`,
        goal: '< 200 MB',
        measured: `${(peakBytes / 1e6).toFixed(0)} MB`,
        met: peakBytes < MAX_BYTES,
        binding: true,
      },
    );
  }
  const [half = 1, whole = 0] = times;
  rows.push({
    what: 'twice the pods: time',
    goal: `≤ ${MAX_RATIO} ×`,
    measured: `${(whole / half).toFixed(2)} ×`,
    met: whole / half <= MAX_RATIO,
  });
  return rows;
}

/** Pods as large as real ones, 15 KB each, of 500 images with seven tags each. */
async function writePods(file: string, count: number): Promise<void> {
  const out = createWriteStream(file);
  const env = Array.from({ length: 110 }, (_, index) => ({
    name: `VARIABLE_${index}`,
    value: `some value that is as long as values are, number ${index}, and some more of it`,
  }));
  out.write('{"apiVersion":"v1","kind":"List","items":[');
  for (let index = 0; index < count; index += 1) {
    const digest = `sha256:${String(index % 3500).padStart(64, 'a')}`;
    const image = `registry.example.com/team/app-${index % 500}`;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `web-${index}`, namespace: `namespace-${index % 50}` },
      spec: {
        nodeName: `node-${index % 200}`,
        containers: [{ name: 'app', image: `${image}:v${index % 7}`, env }],
      },
      status: { containerStatuses: [{ name: 'app', image, imageID: `${image}@${digest}` }] },
    };
    if (!out.write(`${index === 0 ? '' : ','}${JSON.stringify(pod, undefined, 1)}`)) await once(out, 'drain');
  }
  out.end(']}');
  await once(out, 'close');
}
