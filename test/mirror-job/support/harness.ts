/** Runs the engine in this process, with the test's own clock, store and upstreams. */
import { createHash } from 'node:crypto';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag, parseUpstream } from '../../../core/reference.ts';
import type { Environment } from '../../../mirror-job/engine/environment.ts';
import { createRunState } from '../../../mirror-job/engine/run-state.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../mirror-job/engine/runtime.ts';
import { DEFAULT_SETTINGS, type Image, type MovePolicy } from '../../../mirror-job/engine/image.ts';
import type { ItemReport, RunReport } from '../../../mirror-job/engine/report.ts';
import type { TagRules } from '../../../mirror-job/engine/selection/selection.ts';
import type { Source } from '../../../mirror-job/engine/source.ts';
import type { Store } from '../../../mirror-job/engine/store/store.ts';
import { connect } from '../../../mirror-job/runtime/node/connection.ts';
import { Registry } from '../../../mirror-job/sources/registry/registry.ts';
import { NO_BUDGET } from '../../../mirror-job/sources/registry/pace/budget.ts';
import {
  DEFAULT_CONCURRENCY,
  type RegistryOptions,
} from '../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../mirror-job/sources/registry/registry-source.ts';

/** Timers of Node and of Workers end at once if their time is longer than this. */
const MAX_TIMER_MS = 2 ** 31;

/** A clock that moves only by `sleep`, which returns at once. */
export class TestClock {
  #now: number;
  readonly sleeps: number[] = [];

  constructor(start = '2026-01-01T00:00:00.000Z') {
    this.#now = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#now);
  }

  async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!(milliseconds < MAX_TIMER_MS)) throw new RangeError(`A timer of ${milliseconds} ms ends at once.`);
    this.sleeps.push(milliseconds);
    this.advance(milliseconds);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

export interface TestEnvironment extends Environment {
  readonly clock: TestClock;
  /** The log, with one line per entry: `<level>: <message>`. */
  readonly logged: string[];
}

const PART = 1024 * 1024;
let runs = 0;

export function environmentFor(
  store: Store,
  options: { clock?: TestClock; limits?: Partial<Limits>; signal?: AbortSignal } = {},
): TestEnvironment {
  runs += 1;
  const logged: string[] = [];
  const limits = { ...DEFAULT_LIMITS, partBytes: PART, ...options.limits };
  const run = `run-${String(runs).padStart(4, '0')}`;
  const signal = options.signal ?? new AbortController().signal;
  return {
    clock: options.clock ?? new TestClock(),
    log: {
      info: (message) => logged.push(`info: ${message}`),
      warn: (message) => logged.push(`warn: ${message}`),
    },
    logged,
    createHash,
    limits,
    ...createRunState({ store, run, signal }, limits, 8 * limits.partBytes),
  };
}

/** Makes a client that gives up fast: after a silence of 300 ms, or after two attempts without a pause. */
export async function registryAt(host: string, options: Partial<RegistryOptions> = {}): Promise<Registry> {
  return new Registry(parseUpstream(host), {
    httpClient: await connect(undefined),
    clock: new TestClock(),
    log: { info: () => {}, warn: () => {} },
    signal: new AbortController().signal,
    accounts: [],
    insecure: true,
    timeoutMs: 300,
    retry: { attempts: 2, delayMs: 10, maxDelayMs: 60_000 },
    concurrency: DEFAULT_CONCURRENCY,
    budget: NO_BUDGET,
    ...options,
  });
}

export async function sourceAt(
  host: string,
  path: string,
  options: Partial<RegistryOptions> = {},
): Promise<RegistrySource> {
  return new RegistrySource(await registryAt(host, options), path);
}

export interface ImageOptions {
  readonly tags?: readonly string[] | 'all';
  /** Rules that select more tags than those in `tags`. */
  readonly rules?: TagRules;
  readonly digests?: readonly string[];
  readonly referrersEveryMs?: number | false;
  readonly platforms?: readonly string[];
  readonly mustBePublic?: boolean;
  readonly moves?: Partial<MovePolicy>;
  readonly immutable?: Image['immutable'];
  readonly maxBlobBytes?: number;
}

/** Selects every listed tag. */
export const EVERY_TAG: TagRules = {
  include: [],
  versions: undefined,
  exclude: [],
  latest: undefined,
  minTags: 0,
};

export function imageOf(source: Source, repository: string, options: ImageOptions = {}): Image {
  const { tags = 'all', digests = [], rules, moves, mustBePublic = false, ...settings } = options;
  return {
    ...DEFAULT_SETTINGS,
    ...settings,
    source,
    repository: parseRepository(repository),
    tags: {
      explicit: tags === 'all' ? [] : tags.map((tag) => parseTag(tag)),
      rules: rules ?? (tags === 'all' ? EVERY_TAG : undefined),
    },
    digests: digests.map((digest) => parseDigest(digest)),
    moves: { ...DEFAULT_SETTINGS.moves, ...moves },
    mustBePublic,
    neighbours: [],
  };
}

export const DAY = 86_400_000;

/** Returns the result, or the sentence of the failure, by `<repository>:<tag>`. */
export function outcomesOf(report: Pick<RunReport, 'items'>): Record<string, string> {
  return Object.fromEntries(report.items.map((item) => [nameOf(item), textOf(item)]));
}

function nameOf({ repository, reference }: ItemReport): string {
  return reference === undefined ? repository : `${repository}:${reference}`;
}

function textOf({ outcome }: ItemReport): string {
  if (outcome.result === 'skipped') return `skipped: ${outcome.reason}`;
  return outcome.result === 'failed' ? outcome.error : outcome.result;
}
