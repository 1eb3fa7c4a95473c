/** `npm run bench -- self-hosted` measures the edge in workerd beside distribution, on one S3 server and in turns. */
import { join } from 'node:path';
import { addImage, addLayer, tagAs } from '../../test/support/builder.ts';
import { emptyRepository } from '../../test/support/content.ts';
import { runProgram } from '../../test/support/process.ts';
import { requireProgram } from '../../test/support/programs.ts';
import { pushRepository } from '../../test/support/push.ts';
import { startS3Server } from '../../test/support/s3-server.ts';
import { sync } from '../../test/support/sync.ts';
import { load } from '../edge/load.ts';
import { forgetPeak, readStatus } from '../edge/memory.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import type { Row } from '../table.ts';
import { startDistribution, startEdgeRegistry, type Registry } from './servers.ts';

export interface SelfHostedEffort {
  readonly rounds: number;
  /** The length of each turn under load. */
  readonly seconds: number;
}

export const FULL_SELF_HOSTED: SelfHostedEffort = { rounds: 5, seconds: 5 };
export const QUICK_SELF_HOSTED: SelfHostedEffort = { rounds: 2, seconds: 1 };

const MIB = 1024 * 1024;
const LAYERS = 8;
const LAYER_BYTES = 8 * MIB;
const NAME = 'quay.io/source/app';

/** A registry with the paths of the same image in it. */
interface Subject {
  readonly registry: Registry;
  readonly repository: string;
  readonly restBytes: number;
}

interface Measured {
  readonly tag: Spread;
  readonly digest: Spread;
  /** Seconds of a whole pull. */
  readonly pull: Spread;
  readonly restBytes: number;
  readonly peakBytes: number;
}

/**
 * @param folder holds the files of the run; the caller removes it
 * @throws if a program is missing, or a registry does not serve the image
 */
export async function benchSelfHosted(
  folder: string,
  effort: SelfHostedEffort,
  say: (text: string) => void,
): Promise<readonly Row[]> {
  for (const name of ['wrk', 'versitygw', 'docker-registry', 'crane'] as const) await requireProgram(name);
  const store = await startS3Server({ buckets: 2 });
  const registries: Registry[] = [];
  try {
    say(`an image of ${LAYERS} layers in both registries`);
    const distribution = await startDistribution(join(folder, 'filled'), store, store.buckets[1] ?? '');
    registries.push(distribution);
    const image = emptyRepository();
    const layers = await Promise.all(
      Array.from({ length: LAYERS }, (_, index) => addLayer(image, `layer-${index}`, { size: LAYER_BYTES })),
    );
    const manifest = addImage(image, { layers });
    tagAs(image, manifest, 'one');
    await pushRepository('source/app', image, { url: distribution.url });
    const { code, stderr } = await sync(store, {
      upstreams: { [distribution.host]: { insecure: true } },
      images: [{ source: `${distribution.host}/source/app`, name: NAME, tags: ['one'] }],
    });
    if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
    // The figures at rest are those of a fresh process, and the one that took the push is none.
    await distribution.program.stop();
    const fresh = [
      { registry: await startEdgeRegistry(join(folder, 'edge'), store), repository: NAME },
      {
        registry: await startDistribution(join(folder, 'distribution'), store, store.buckets[1] ?? ''),
        repository: 'source/app',
      },
    ];
    registries.push(...fresh.map(({ registry }) => registry));
    const subjects: Subject[] = [];
    for (const { registry, repository } of fresh) {
      const restBytes = await readStatus(registry.program.pid, 'VmRSS');
      await forgetPeak(registry.program.pid);
      subjects.push({ registry, repository, restBytes });
    }
    return rowsOf(await measure(subjects, manifest.digest, folder, effort, say));
  } finally {
    for (const { program } of registries) await program.stop();
    await store.stop();
  }
}

/** The registries take turns, so that other load on the machine meets both. */
async function measure(
  subjects: readonly Subject[],
  digest: string,
  folder: string,
  { rounds, seconds }: SelfHostedEffort,
  say: (text: string) => void,
): Promise<ReadonlyMap<string, Measured>> {
  const times = subjects.map((subject) => ({
    subject,
    tag: [] as number[],
    digest: [] as number[],
    pull: [] as number[],
  }));
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    for (const { subject, ...of } of times) {
      const { registry, repository } = subject;
      const path = `/v2/${repository}/manifests/`;
      of.pull.push(await pull(subject, join(folder, 'pulled.tar')));
      of.tag.push((await load(registry, `${path}one`, seconds)).rate);
      of.digest.push((await load(registry, path + digest, seconds)).rate);
    }
  }
  const measured = new Map<string, Measured>();
  for (const { subject, ...of } of times) {
    measured.set(subject.registry.name, {
      tag: spreadOf(of.tag),
      digest: spreadOf(of.digest),
      pull: spreadOf(of.pull),
      restBytes: subject.restBytes,
      peakBytes: await readStatus(subject.registry.program.pid, 'VmHWM'),
    });
  }
  return measured;
}

/** @returns seconds */
async function pull({ registry, repository }: Subject, file: string): Promise<number> {
  const crane = await requireProgram('crane');
  const begin = performance.now();
  const args = ['pull', '--insecure', `${registry.host}/${repository}:one`, file];
  const { code, stderr } = await runProgram(crane, args);
  if (code !== 0) throw new Error(`crane could not pull from ${registry.name}:\n${stderr}`);
  return (performance.now() - begin) / 1000;
}

function rowsOf(measured: ReadonlyMap<string, Measured>): Row[] {
  return [...measured].flatMap(([name, { tag, digest, pull: seconds, restBytes, peakBytes }]) => [
    row(name, 'manifest by tag', tag, (value) => `${Math.round(value)} requests/s`),
    row(name, 'manifest by digest', digest, (value) => `${Math.round(value)} requests/s`),
    row(name, 'a whole pull', seconds, (value) => `${value.toFixed(2)} s`),
    { what: `${name}: resident at rest`, goal: '', measured: megabytes(restBytes) },
    { what: `${name}: most resident under load`, goal: '', measured: megabytes(peakBytes) },
  ]);
}

function row(
  name: string,
  what: string,
  { median, least, most }: Spread,
  text: (value: number) => string,
): Row {
  return {
    what: `${name}: ${what}`,
    goal: '',
    measured: text(median),
    note: `${text(least)} to ${text(most)}`,
  };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
