/**
 * Plays every row of docs/bad-upstreams.md, which ends as the page says. Whatever happens, the bucket's contents are right and
 * whole. bad-upstream.test.ts asserts the sentences.
 */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { ShutdownDeadlineStore } from '../../../../mirror-job/engine/store/shutdown-deadline-store.ts';
import { exitCodeOf, type RunReport } from '../../../../mirror-job/engine/report.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { NO_BUDGET } from '../../../../mirror-job/sources/registry/pace/budget.ts';
import type { RegistryOptions } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import {
  addImage,
  addIndex,
  addLayer,
  addManifest,
  addStreamedLayer,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { digestOf, emptyRepository, type Repository } from '../../../support/content.ts';
import { readJson } from '../../../support/manifest-json.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { Auth } from '../../../support/registry-auth.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, registryAt, TestClock } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { faultsOf } from '../../support/whole-bucket.ts';

type Ending = 'mirrored' | 'the tag fails' | 'the list fails' | 'skipped';

interface Row {
  readonly name: string;
  readonly ends: string;
  readonly code: number;
}

const page = readFileSync(new URL('../../../../docs/bad-upstreams.md', import.meta.url), 'utf8');

function rowsBelow(heading: string): Row[] {
  const section = page.split(/^## /m).find((one) => one.startsWith(heading)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .flatMap((line) => {
      const [, name = '', ends = '', code = ''] = line.split('|').map((cell) => cell.trim());
      return /^-+$/.test(name) ? [] : [{ name, ends, code: Number(code) }];
    });
}

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

interface Content {
  readonly app: Repository;
  /** An image whose layer has more than one part. */
  readonly bad: Descriptor;
  readonly layer: Descriptor;
}

async function contentOf(size = 3_500_000): Promise<Content> {
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'good')] }), 'good');
  const layer = await addStreamedLayer(app, 'bad', size);
  const bad = addImage(app, { layers: [layer] });
  tagAs(app, bad, 'bad');
  return { app, bad, layer };
}

type Misbehave = (
  request: RegistryRequest,
  content: Content,
  registry: RogueRegistry,
) => Misbehaviour | undefined;

interface Play {
  /** The misbehaviour from the first request on. */
  readonly misbehave?: Misbehave;
  /** Changes the upstream's content under the tag `bad`. */
  readonly prepare?: (content: Content) => void | Promise<void>;
  /** Called after a run without a failure. */
  readonly afterwards?: Misbehave;
  readonly auth?: Auth;
  readonly options?: Partial<RegistryOptions>;
}

const inLayer =
  (misbehaviour: Misbehaviour): Misbehave =>
  ({ reference }, { layer }) =>
    reference === layer.digest ? misbehaviour : undefined;
const inTag =
  (misbehaviour: Misbehaviour): Misbehave =>
  ({ kind, reference }) =>
    kind === 'manifest' && reference === 'bad' ? misbehaviour : undefined;
const once =
  (misbehave: Misbehave): Misbehave =>
  (request, content, registry) =>
    request.nth === 0 ? misbehave(request, content, registry) : undefined;

function manifestWith(layer: Descriptor): Misbehaviour {
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: layer, layers: [layer] };
  return { kind: 'manifest', bytes: Buffer.from(JSON.stringify(manifest)), mediaType: OCI_MANIFEST };
}

/** Longer than a busy machine takes to answer. */
const PATIENT = { timeoutMs: 30_000 };
/** For plays that end by a time-out. */
const IMPATIENT = { timeoutMs: 300 };

const PLAYS: Record<string, Play> = {
  'sends fewer bytes than the manifest says': { misbehave: inLayer({ kind: 'short', by: 10, honest: true }) },
  'sends more bytes than the manifest says': { misbehave: inLayer({ kind: 'long', by: 10, honest: true }) },
  'promises more bytes than it sends': { misbehave: inLayer({ kind: 'close', after: 1000 }) },
  'sends other bytes of the right length': { misbehave: inLayer({ kind: 'wrong-bytes' }) },
  'sends 429 for ever': {
    misbehave: inTag({ kind: 'status', status: 429, headers: { 'retry-after': '7' } }),
  },
  'sends 429 to every manifest, for ever': {
    misbehave: ({ kind }) => (kind === 'manifest' ? { kind: 'status', status: 429 } : undefined),
  },
  'sends 429 and wants to be left alone for an hour': {
    misbehave: inLayer({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }),
  },
  'sends 429 once': {
    misbehave: once(inTag({ kind: 'status', status: 429, headers: { 'retry-after': '7' } })),
  },
  'never answers': { misbehave: inTag({ kind: 'hang' }), options: IMPATIENT },
  'stalls in the middle of a body': {
    misbehave: inLayer({ kind: 'stall', after: 1000 }),
    options: IMPATIENT,
  },
  'sends a byte now and then': { misbehave: inLayer({ kind: 'drip', every: 20 }), options: IMPATIENT },
  'stalls in the middle of a body once': {
    misbehave: once(inLayer({ kind: 'stall', after: 1_000_000 })),
    options: IMPATIENT,
  },
  'refuses HEAD': {
    afterwards: ({ method }) => (method === 'HEAD' ? { kind: 'status', status: 405 } : undefined),
  },
  'answers 404 to HEAD alone': {
    afterwards: ({ method }) => (method === 'HEAD' ? { kind: 'status', status: 404 } : undefined),
  },
  'omits the digest': { afterwards: () => ({ kind: 'headers', omit: ['Docker-Content-Digest'] }) },
  'sends a digest that is none': {
    misbehave: inTag({ kind: 'headers', set: { 'docker-content-digest': `md5:${'0'.repeat(32)}` } }),
  },
  'types a child `binary/octet-stream`': {
    prepare: ({ app, bad }) => {
      const { mediaType: _own, ...untyped } = readJson(
        app.manifests.get(bad.digest)?.bytes ?? Buffer.alloc(0),
      );
      const bytes = Buffer.from(JSON.stringify(untyped));
      const child = { ...bad, digest: digestOf(bytes), size: bytes.length };
      app.manifests.set(child.digest, { bytes, mediaType: 'binary/octet-stream' });
      tagAs(app, addIndex(app, [child]), 'bad');
    },
  },
  'wants another scope for its list': { auth: { kind: 'bearer', listAction: 'metadata_read' } },
  'expires its token in the middle of a blob': {
    auth: { kind: 'bearer' },
    misbehave: (request, { layer }, registry) => {
      if (request.reference !== layer.digest || request.headers.range !== undefined) return undefined;
      // Only when the first request, refused or not, is on its way.
      setImmediate(() => registry.revokeTokens());
      return { kind: 'close', after: 1_000_000 };
    },
  },
  'lists a tag that is gone': { prepare: ({ app }) => void app.tags.set('bad', `sha256:${'0'.repeat(64)}`) },
  'loops its pagination': {
    misbehave: ({ kind }) => (kind === 'tags' ? { kind: 'page-loop' } : undefined),
  },
  'sends a Link that is no link': {
    misbehave: ({ kind }) =>
      kind === 'tags'
        ? { kind: 'headers', set: { link: '/v2/team/app/tags/list?last=bad; rel="next"' } }
        : undefined,
  },
  'sends an error as its list, with 200': {
    misbehave: ({ kind }) => (kind === 'tags' ? { kind: 'status', status: 200 } : undefined),
  },
  'redirects blobs to another host': {
    misbehave: ({ kind }) => (kind === 'blob' ? { kind: 'redirect-elsewhere' } : undefined),
  },
  'redirects in a circle': { misbehave: inTag({ kind: 'redirect-loop' }) },
  'changes the tag between HEAD and GET': {
    prepare: async ({ app }) => {
      for (const seed of ['two', 'three'])
        tagAs(app, addImage(app, { layers: [await addLayer(app, seed)] }), seed);
    },
    afterwards: ({ kind, method, reference }) =>
      kind === 'manifest' && reference === 'bad'
        ? { kind: 'instead', reference: method === 'HEAD' ? 'two' : 'three' }
        : undefined,
  },
  'lists a child with a wrong size': {
    prepare: ({ app, bad }) => {
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...bad, size: bad.size + 1 }] };
      tagAs(app, addManifest(app, index), 'bad');
    },
  },
  'lists a layer with a wrong size': {
    misbehave: (request, content, registry) =>
      inTag(manifestWith({ ...content.layer, size: content.layer.size + 1 }))(request, content, registry),
  },
  'lists a layer with a negative size': {
    misbehave: (request, content, registry) =>
      inTag(manifestWith({ ...content.layer, size: -1 }))(request, content, registry),
  },
  'lists a layer of 9 petabytes': {
    misbehave: (request, content, registry) =>
      inTag(manifestWith({ ...content.layer, size: 9e15 }))(request, content, registry),
  },
  'nests indexes without end': {
    prepare: ({ app, bad }) => {
      let descriptor = bad;
      for (let depth = 0; depth < 20; depth += 1) descriptor = addIndex(app, [descriptor]);
      tagAs(app, descriptor, 'bad');
    },
  },
  'closes each connection after 1 MB': { misbehave: inLayer({ kind: 'close', after: 1_000_000 }) },
  'answers with a login page': { misbehave: inTag({ kind: 'html' }) },
  'is used up to `keepRemaining`': {
    options: { budget: { ...NO_BUDGET, keepRemaining: 20 } },
    misbehave: ({ kind }) =>
      kind === 'manifest' ? { kind: 'headers', set: { 'ratelimit-remaining': '20;w=60' } } : undefined,
  },
};

/** The registry of the running test. */
function registryOf(): RogueRegistry {
  const [registry] = registries;
  if (registry === undefined) throw new Error('No registry is running.');
  return registry;
}

async function play({ misbehave, prepare, afterwards, auth, options = {} }: Play) {
  const content = await contentOf();
  await prepare?.(content);
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', content.app]]) },
    ...(auth !== undefined && { auth }),
    misbehave: (request) => misbehave?.(request, content, registryOf()),
  });
  registries.push(registry);
  const store = new MemoryStore();
  const sync = async (): Promise<RunReport> => {
    const client = await registryAt(registry.host, { clock: new TestClock(), ...PATIENT, ...options });
    const image = imageOf(new RegistrySource(client, 'team/app'), 'mirror.test/app', {
      referrersEveryMs: false,
    });
    return runMirror(environmentFor(store), 'default', [image]);
  };
  let report = await sync();
  if (afterwards !== undefined) {
    registry.misbehave((request) => afterwards(request, content, registry));
    report = await sync();
  }
  return { report, store };
}

function endingOf({ counts, items }: RunReport): Ending | undefined {
  if (counts.failed > 0) {
    const isList = items.some(
      ({ reference, outcome }) => reference === undefined && outcome.result === 'failed',
    );
    return isList ? 'the list fails' : 'the tag fails';
  }
  if (counts.skipped > 0) return 'skipped';
  return counts.created + counts.moved + counts.unchanged > 0 ? 'mirrored' : undefined;
}

const upstreams = rowsBelow('An upstream');

test('the page lists the upstreams that are played, and no more', () => {
  expect(upstreams.map(({ name }) => name).toSorted()).toEqual(Object.keys(PLAYS).toSorted());
});

describe('an upstream that', () => {
  test.each(upstreams)('$name', { timeout: 30_000 }, async ({ name, ends, code }) => {
    const { report, store } = await play(PLAYS[name] ?? {});
    expect([endingOf(report), exitCodeOf(report)]).toEqual([ends, code]);
    expect(faultsOf(store)).toEqual([]);
  });
});

const STORE_ROWS = rowsBelow('A store');

/** The part of a run to which a call belongs. */
const AFTERWARDS = /^(?:put|get) state\/(?!.*\/scrub\.json)|^openUploads /;
/** The scrub runs at the same time as the other parts, and fails nothing. */
const SCRUB = /\/scrub\.json$/;

interface Stage {
  readonly report: RunReport;
  readonly store: MemoryStore;
}

/** Runs the job twice: one call, counted from 0, goes wrong in the first run, and none in the second. */
async function stageAt(broken: number, how: 'fails' | 'hangs'): Promise<Stage & { next: RunReport }> {
  const { app } = await contentOf(1_500_000);
  const registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  registries.push(registry);
  const store = new MemoryStore();
  const stop = new AbortController();
  let calls = 0;
  store.before = () => {
    const isBroken = calls === broken;
    calls += 1;
    if (!isBroken) return;
    if (how === 'fails') throw new StoreError('The bucket in memory: told to fail.');
    stop.abort();
    return new Promise(() => {});
  };
  const sync = async (signal: AbortSignal): Promise<RunReport> => {
    const client = await registryAt(registry.host, { signal });
    const image = imageOf(new RegistrySource(client, 'team/app'), 'mirror.test/app', {
      referrersEveryMs: false,
    });
    const bounded = new ShutdownDeadlineStore(store, new TestClock(), signal);
    return runMirror({ ...environmentFor(store, { signal }), store: bounded }, 'default', [image]);
  };
  const report = await sync(stop.signal);
  expect(faultsOf(store)).toEqual([]);
  store.before = () => {};
  const next = await sync(new AbortController().signal);
  expect(faultsOf(store)).toEqual([]);
  return { report, store, next };
}

async function callsOfARun(): Promise<string[]> {
  return (await stageAt(-1, 'fails')).store.calls.slice();
}

describe('a store that', () => {
  test('is listed on the page fails or hangs in one of three ways', () => {
    expect(STORE_ROWS.map(({ name, ends, code }) => [name, ends, code])).toEqual([
      ['fails at any call for a blob, a manifest or a tag', 'the tag fails', 1],
      [
        'fails when the catalogue or the report is written, or while stored blobs are looked at',
        'mirrored',
        0,
      ],
      ['hangs at any call, until the run is stopped', 'skipped', 1],
    ]);
  });

  test('fails at one call, each in turn, leaves the bucket whole and the next run complete', async () => {
    const calls = await callsOfARun();
    const last = calls.findIndex((call) => AFTERWARDS.test(call));
    for (let index = 0; index <= last + 3; index += 1) {
      const { report, next } = await stageAt(index, 'fails');
      const isNeeded = index < last && !SCRUB.test(calls[index] ?? '');
      expect([index, exitCodeOf(report)]).toEqual([index, isNeeded ? 1 : 0]);
      expect([next.counts.failed, next.counts.created + next.counts.unchanged]).toEqual([0, 2]);
    }
  }, 60_000);

  test('hangs at one call, each in turn, leaves the bucket whole and the next run complete', async () => {
    const last = (await callsOfARun()).findIndex((call) => AFTERWARDS.test(call));
    for (let index = 0; index < last; index += 1) {
      const { report, next } = await stageAt(index, 'hangs');
      expect([index, report.interrupted, report.counts.failed, exitCodeOf(report)]).toEqual([
        index,
        true,
        0,
        1,
      ]);
      expect([next.counts.failed, next.counts.created + next.counts.unchanged]).toEqual([0, 2]);
    }
  }, 60_000);
});
