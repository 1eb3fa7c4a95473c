/**
 * One step of a run as a Worker: `mirrorRepository` with the clock, the fetch and the store of Workers. It is bundled without
 * any module of Node's, so the build fails as soon as the engine or the registry's client needs one.
 */
import { parseRepository, parseTag, parseUpstream } from '../../../../../core/reference.ts';
import { DEFAULT_SETTINGS, type Image } from '../../../../../mirror-job/engine/image.ts';
import { mirrorRepository } from '../../../../../mirror-job/engine/run/mirror-repository.ts';
import { shareWork } from '../../../../../mirror-job/engine/run/shared-work.ts';
import { createRunState } from '../../../../../mirror-job/engine/run-state.ts';
import { DEFAULT_LIMITS, type Runtime } from '../../../../../mirror-job/engine/runtime.ts';
import { openBucket } from '../../../../../mirror-job/engine/store/bucket.ts';
import { workersClock } from '../../../../../mirror-job/runtime/workers/clock.ts';
import { fetchClient } from '../../../../../mirror-job/runtime/workers/http-client.ts';
import { NO_BUDGET } from '../../../../../mirror-job/sources/registry/pace/budget.ts';
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUT_MS,
} from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { Registry } from '../../../../../mirror-job/sources/registry/registry.ts';
import type { R2Binding } from '../../../../../mirror-job/storage/r2/r2-binding.ts';
import { R2Store } from '../../../../../mirror-job/storage/r2/r2-store.ts';
import { Sha256 } from './sha256.ts';

/** The input of the step. */
export interface StepRequest {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly path: string;
  readonly repository: string;
  readonly tag: string;
  /** Bytes. */
  readonly partBytes: number;
  /** Bytes of all buffers. */
  readonly bufferBytes: number;
}

export default {
  async fetch(request: Request, { BUCKET }: { readonly BUCKET: R2Binding }): Promise<Response> {
    const told: StepRequest = JSON.parse(await request.text());
    const logged: string[] = [];
    const log = { info: (text: string) => logged.push(text), warn: (text: string) => logged.push(text) };
    const limits = { ...DEFAULT_LIMITS, partBytes: told.partBytes, rangesFromBytes: told.partBytes };
    const runtime: Runtime = { clock: workersClock, log, limits, createHash: () => new Sha256() };
    const { signal } = new AbortController();
    const store = new R2Store({ binding: BUCKET, bound: 'BUCKET', prefix: '' });
    const newId = crypto.randomUUID();
    await openBucket(store, { name: 'test', audience: 'public', singleWriter: false, newId });
    const state = createRunState({ store, run: 'run-workerd', signal }, limits, told.bufferBytes);
    const registry = new Registry(parseUpstream(told.host), {
      httpClient: fetchClient,
      clock: workersClock,
      log,
      signal,
      accounts: [],
      insecure: true,
      timeoutMs: DEFAULT_TIMEOUT_MS,
      retry: DEFAULT_RETRY,
      concurrency: DEFAULT_CONCURRENCY,
      budget: NO_BUDGET,
    });
    const image: Image = {
      ...DEFAULT_SETTINGS,
      source: new RegistrySource(registry, told.path),
      repository: parseRepository(told.repository),
      tags: { explicit: [parseTag(told.tag)], rules: undefined },
      referrersEveryMs: 1,
      mustBePublic: false,
      neighbours: [],
    };
    const work = shareWork({ ...runtime, ...state }, [image], { describedFor: 'test' });
    return Response.json({ result: await mirrorRepository(image.repository, work), logged });
  },
};
