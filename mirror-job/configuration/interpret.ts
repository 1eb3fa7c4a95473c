/**
 * Turns the file's shape into its meaning. Every problem is collected with its path, so that one run shows all of them.
 */
import { resolve } from 'node:path';
import { parseUpstream, type Upstream } from '../../core/reference.ts';
import { DEFAULT_SETTINGS } from '../engine/image.ts';
import type {
  Configuration,
  ImageConfiguration,
  ImageDefaults,
  InUseRule,
  MaxDuration,
  UpstreamConfiguration,
} from './configuration.ts';
import type { PathProblem } from './document.ts';
import { interpretEdge } from './edge.ts';
import { interpretImage } from './image.ts';
import { BESIDE_IN_USE, interpretInUse } from './in-use.ts';
import { interpretMoves } from './moves.ts';
import { interpretNotify } from './notify.ts';
import { interpretOnDemand } from './on-demand.ts';
import { findOverlaps } from './overlap.ts';
import type { LineOf, Path } from './path.ts';
import { interpretPlatforms } from './platforms.ts';
import { Problems } from './problems.ts';
import type { ConfigurationFile, UpstreamsFile } from './schema.ts';
import { interpretRetention } from './retention.ts';
import { interpretStores } from './stores.ts';

const MAX_TIMEOUT_MS = 3_600_000;
const MIN_STATE_KEY_CHARACTERS = 32;
/** The limit is below 24 days, because a timer takes no longer time. */
const MAX_MAX_DURATION_MS = 7 * 24 * 3_600_000;
/**
 * The default is less than the schedulers in infra/ allow, so that a run ends by itself
 * (docs/decisions/0084-how-long-a-run-takes.md).
 */
const DEFAULT_MAX_DURATION: MaxDuration = { milliseconds: 5 * 3_600_000, text: '5h' };

/**
 * @param folder the folder against which relative paths are resolved
 * @returns the configuration, which is valid only if there is no problem
 */
export function interpret(
  folder: string,
  input: ConfigurationFile,
  lineOf: LineOf,
): { configuration: Configuration; problems: readonly PathProblem[] } {
  const problems = new Problems();
  const stores = interpretStores(input, lineOf, problems);
  // Anybody who can read a store can try keys against the signatures in it.
  if (input.stateKey !== undefined && input.stateKey.length < MIN_STATE_KEY_CHARACTERS) {
    problems.add(
      ['stateKey'],
      `it must have at least ${MIN_STATE_KEY_CHARACTERS} characters. "openssl rand -hex 32" makes a good one.`,
    );
  }
  const upstreams = interpretUpstreams(input.upstreams ?? {}, folder, lineOf, problems);
  const maxDuration = interpretMaxDuration(input.maxDuration, problems);
  const defaults = interpretDefaults(input.defaults ?? {}, problems);
  const edge = input.edge === undefined ? undefined : interpretEdge(input.edge, folder, problems);
  const retention = interpretRetention(input.retention, ['retention'], problems);
  const images: ImageConfiguration[] = [];
  const inUse: InUseRule[] = [];
  for (const [index, entry] of input.images.entries()) {
    const path = ['images', index];
    const isShort = typeof entry === 'string';
    const line = lineOf(path);
    const { source, inUse: rule, ...settings } = isShort ? { source: entry } : entry;
    if (rule !== undefined) {
      if (source !== undefined) problems.add([...path, 'source'], BESIDE_IN_USE);
      const interpreted = interpretInUse(rule, settings, { path, line, defaults }, problems);
      if (interpreted !== undefined) inUse.push(interpreted);
    } else if (source === undefined) {
      problems.add([...path, 'source'], 'it is missing.');
    } else {
      const sourcePath = isShort ? path : [...path, 'source'];
      const context = { path, sourcePath, line, position: index, folder, defaults, retention };
      const image = interpretImage({ source, ...settings }, context, problems);
      if (image !== undefined) images.push(image);
    }
  }
  const onDemand = (input.onDemand ?? []).flatMap((rule, index) => {
    const path = ['onDemand', index];
    const isShort = typeof rule === 'string';
    const context = { path, sourcePath: isShort ? path : [...path, 'source'], line: lineOf(path), defaults };
    return interpretOnDemand(isShort ? { source: rule } : rule, context, problems) ?? [];
  });
  const notify = interpretNotify(input.notify ?? [], folder, lineOf, problems);
  // Overlaps are searched only without a problem, because then no image is left out, and positions here are positions
  // in the file.
  if (problems.list.length === 0) findOverlaps(images, problems);
  return {
    configuration: {
      name: input.name ?? 'default',
      ...stores,
      stateKey: input.stateKey,
      maxDuration,
      upstreams,
      defaults,
      retention,
      edge,
      images,
      inUse,
      onDemand,
      notify,
    },
    problems: problems.list,
  };
}

function interpretDefaults(
  input: NonNullable<ConfigurationFile['defaults']>,
  problems: Problems,
): ImageDefaults {
  const referrersEveryMs = problems.interval(input.referrers, ['defaults', 'referrers']);
  const platforms = interpretPlatforms(input.platforms, undefined, ['defaults', 'platforms'], problems);
  const moves = interpretMoves(input.moves, ['defaults', 'moves'], problems);
  return { referrersEveryMs: referrersEveryMs ?? DEFAULT_SETTINGS.referrersEveryMs, platforms, moves };
}

function interpretUpstreams(
  input: UpstreamsFile,
  folder: string,
  lineOf: LineOf,
  problems: Problems,
): Map<Upstream, UpstreamConfiguration> {
  const upstreams = new Map<Upstream, UpstreamConfiguration>();
  for (const [host, { credentials, insecure, ca, timeout, concurrency, budget }] of Object.entries(input)) {
    const path = ['upstreams', host];
    const [scheme] = /^[a-z][a-z0-9+-]*:\/\//i.exec(host) ?? [];
    if (scheme !== undefined) {
      problems.add(
        path,
        `leave out "${scheme}": an upstream is a host, as in docker.io or registry.internal:5000.`,
      );
      continue;
    }
    const upstream = problems.parsed(path, () => parseUpstream(host));
    if (upstream === undefined) continue;
    if (upstreams.has(upstream))
      problems.add(path, `this is ${upstream} a second time. Keep one of the two entries.`);
    if (insecure === true && /[:_]0*443$/.test(host) && !upstream.endsWith('_443')) {
      problems.add(
        [...path, 'insecure'],
        `"${host}" is the same name as "${upstream}", and an insecure upstream of that name is asked on port 80. Give the registry another port.`,
      );
    }
    upstreams.set(upstream, {
      credentials,
      insecure: insecure ?? false,
      ca: ca === undefined ? undefined : resolve(folder, ca),
      timeoutMs: interpretTimeout(timeout, [...path, 'timeout'], problems),
      concurrency,
      budget: { keepRemaining: budget?.keepRemaining, manifestGetsPerRun: budget?.manifestGetsPerRun },
      line: lineOf(path),
    });
  }
  return upstreams;
}

function interpretTimeout(text: string | 0 | undefined, path: Path, problems: Problems): number | undefined {
  const timeout = text === undefined ? undefined : problems.duration(text, path);
  if (timeout !== undefined && (timeout <= 0 || timeout > MAX_TIMEOUT_MS)) {
    problems.add(path, 'it must be more than 0 and at most 1h.');
  }
  return timeout;
}

function interpretMaxDuration(text: string | 0 | undefined, problems: Problems): MaxDuration {
  const path = ['maxDuration'];
  const milliseconds = text === undefined ? undefined : problems.duration(text, path);
  if (text === undefined || milliseconds === undefined) return DEFAULT_MAX_DURATION;
  if (milliseconds <= 0 || milliseconds > MAX_MAX_DURATION_MS) {
    problems.add(path, 'it must be more than 0 and at most 7d.');
  }
  return { milliseconds, text: String(text) };
}
