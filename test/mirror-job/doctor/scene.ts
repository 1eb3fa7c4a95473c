/** A mirrored image, the real edge in workerd over it, and a proxy in front of either that is wrong in one way. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AMD64, ARM64, addImage, addIndex, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository, type Repository } from '../../support/content.ts';
import { startEdge, type Edge } from '../../support/edge.ts';
import { startRogueRegistry } from '../../support/rogue-registry.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';
import { startFaultyProxy, type Fault, type FaultyProxy } from './faulty-proxy.ts';

export const IMAGE = 'docker.io/library/app:1';
export const TOKEN = 'a-token-of-the-edge';
/** The edge's variables for it, with its SHA-256. */
export const TOKEN_VARIABLES = {
  AUDIENCE: 'token',
  TOKENS: 'ci 8bc502ee99db16fe56f74ff02d83a7c574bcf3b8f2ebd686b339ac3f5d92fcf8 docker.io/**',
};
/** An access key for which the store's proxy refuses writes. */
export const READ_ONLY = { accessKeyId: 'edge-key', secretAccessKey: 'edge-secret' };

/** As `--json` prints it. */
export interface Printed {
  readonly url: string;
  readonly image?: string;
  readonly problems: number;
  readonly checks: readonly {
    readonly check: string;
    readonly outcome: string;
    readonly says: string;
    readonly because?: string;
    readonly next?: string;
  }[];
  readonly clients: readonly { readonly client: string; readonly verdict: string; readonly says: string }[];
}

export class Scene {
  readonly folder: string;
  readonly buckets: Buckets;
  /** In front of the store, for the edge, for the job and for clients. */
  readonly store: FaultyProxy;
  readonly #closing: (() => Promise<void>)[];

  private constructor(folder: string, buckets: Buckets, store: FaultyProxy) {
    this.folder = folder;
    this.buckets = buckets;
    this.store = store;
    this.#closing = [() => store.stop(), () => rm(folder, { recursive: true, force: true })];
  }

  /** @param audiences of one bucket each, into which the image is mirrored */
  static async start(...audiences: readonly ('public' | 'token')[]): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-doctor-'));
    const buckets = await emptyBuckets(audiences.length);
    const store = await startFaultyProxy(new URL(buckets.endpoint).origin, buckets);
    const scene = new Scene(folder, buckets, store);
    const repository: Repository = emptyRepository();
    const layer = await addLayer(repository, 'layer', { size: 100_000 });
    const images = [AMD64, ARM64].map((platform) => addImage(repository, { layers: [layer], platform }));
    tagAs(repository, addIndex(repository, images), '1');
    const registry = await startRogueRegistry({
      corpus: { repositories: new Map([['team/app', repository]]) },
    });
    try {
      for (const [index, audience] of audiences.entries()) {
        const file = await scene.writeConfiguration(`sync-${index}`, index, { audience }, registry.host);
        const { code, stdout, stderr } = await runMain(['sync', '-c', file], createIo({ cwd: folder }));
        if (code !== 0) throw new Error(`The image could not be mirrored:\n${stdout}${stderr}`);
      }
    } finally {
      await registry.stop();
    }
    return scene;
  }

  /** @returns the path of a lifeboat.yaml for one of the buckets */
  async writeConfiguration(
    name: string,
    bucket = 0,
    store: Readonly<Record<string, unknown>> = {},
    host = '127.0.0.1:1',
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const file = join(this.folder, `${name}.yaml`);
    await writeFile(
      file,
      JSON.stringify({
        store: { ...this.#settings(bucket), ...store },
        upstreams: { [host]: { insecure: true } },
        images: [{ source: `${host}/team/app`, name: 'docker.io/library/app', tags: ['1'], public: true }],
        ...more,
      }),
    );
    return file;
  }

  #settings(bucket: number) {
    const { region, accessKeyId, secretAccessKey, endpoint } = this.buckets;
    return {
      endpoint: `${this.store.url}${new URL(endpoint).pathname}`,
      bucket: this.buckets.buckets[bucket] ?? '',
      region,
      accessKeyId,
      secretAccessKey,
    };
  }

  /** Starts an edge over one of the buckets. */
  async edge(variables: Readonly<Record<string, string>> = {}, bucket = 0): Promise<Edge> {
    const edge = await startEdge(this.#settings(bucket), variables);
    this.#closing.unshift(() => edge.stop());
    return edge;
  }

  /** Starts a proxy in front of an edge. */
  async inFrontOf({ url }: Pick<Edge, 'url'>, fault?: Fault): Promise<FaultyProxy> {
    const proxy = await startFaultyProxy(url);
    if (fault !== undefined) proxy.fault = fault;
    this.#closing.unshift(() => proxy.stop());
    return proxy;
  }

  /** Runs the command as it is, in this process. */
  doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return runMain(['doctor', ...args], createIo({ cwd: this.folder, env }));
  }

  /** Runs the command with `--json`. */
  async examine(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended & { readonly printed: Printed }> {
    const ended = await this.doctor([...args, '--json'], env);
    if (!ended.stdout.startsWith('{'))
      throw new Error(`The doctor printed no JSON and ended with ${ended.code}:\n${ended.stderr}`);
    const printed: Printed = JSON.parse(ended.stdout);
    return { ...ended, printed };
  }

  async stop(): Promise<void> {
    for (const close of this.#closing) await close();
  }
}

/** The checks that found a problem. */
export function problemsOf({ checks }: Printed): string[] {
  return checks.filter(({ outcome }) => outcome === 'problem').map(({ check }) => check);
}

/** Each client with what it would do. */
export function verdictsOf({ clients }: Printed): Record<string, string> {
  return Object.fromEntries(clients.map(({ client, verdict }) => [client, verdict]));
}

export const EDGE_KEY = {
  EDGE_S3_ACCESS_KEY_ID: READ_ONLY.accessKeyId,
  EDGE_S3_SECRET_ACCESS_KEY: READ_ONLY.secretAccessKey,
};
