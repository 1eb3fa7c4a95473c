/** Reads what clients are told, from the options and from lifeboat.yaml. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ClientSetup, MirroredUpstream } from '../../../cluster/clients/setup.ts';
import { NameInvalidError, parseUpstream, upstreamOf, type Upstream } from '../../../core/reference.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { EdgeAddressError, parseEdgeUrl } from '../../configuration/edge.ts';
import { readConfigurationText } from '../../configuration/load.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { parseWithoutSecrets } from '../../configuration/without-secrets.ts';
import { DEFAULT_CONFIGURATION } from '../../terminal/command-line.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import type { Session } from '../../terminal/io.ts';
import { readEdgeToken } from './edge-token.ts';

export interface SetupOptions {
  /** Undefined unless it was named, also if the default file is named. */
  readonly config?: string | undefined;
  readonly edge?: string | undefined;
  readonly upstream?: readonly string[] | undefined;
  readonly order: string;
  readonly tags: boolean;
  readonly 'token-file'?: string | undefined;
  readonly peer?: readonly string[] | undefined;
}

/** @throws {UsageError} and {ConfigurationError} */
export async function readClientSetup(options: SetupOptions, session: Session): Promise<ClientSetup> {
  const { tags } = options;
  const order = parseOrder(options.order);
  if (options.edge !== undefined) parseOrigin('--edge', options.edge);
  // A file that is named says how upstreams are reached, also if it is needed for nothing else.
  const isConfigured =
    options.edge === undefined || options.upstream === undefined || options.config !== undefined;
  const file = options.config ?? DEFAULT_CONFIGURATION;
  if (isConfigured && options.config === undefined) await refuseMissing(file, options, session);
  const configuration = isConfigured ? await readConfiguration(file, session) : undefined;
  const edge = options.edge ?? configuration?.edge?.url;
  if (edge === undefined) {
    throw new UsageError(
      `where is the edge? Give --edge https://… or write edge: { url: https://… } into ${file}.`,
    );
  }
  const origin = parseOrigin('--edge', edge);
  return {
    edge: origin,
    upstreams:
      options.upstream === undefined
        ? someUpstreamsIn(configuration, file)
        : parseUpstreams(options.upstream, configuration),
    order,
    tags,
    token: await readEdgeToken(options['token-file'], origin, configuration?.edge, session.cwd),
    peers: (options.peer ?? []).map((peer) => parseOrigin('--peer', peer)),
  };
}

export const ORDERS: readonly ClientSetup['order'][] = ['mirror-first', 'upstream-first'];

/** @throws {UsageError} */
export function parseOrder(order: string): ClientSetup['order'] {
  const known = ORDERS.find((one) => one === order);
  if (known !== undefined) return known;
  throw new UsageError(`--order "${order}": it is mirror-first or upstream-first.`);
}

/** @throws {UsageError} if the default file is needed and missing, with the options that make it unnecessary */
async function refuseMissing(
  file: string,
  { edge, upstream }: SetupOptions,
  { cwd }: Session,
): Promise<void> {
  try {
    await access(resolve(cwd, file));
  } catch (error) {
    // Everything else is said by the reader of configurations.
    if (errorCode(error) !== 'ENOENT') return;
    const options = [
      ...(edge === undefined ? ['--edge URL'] : []),
      ...(upstream === undefined ? ['--upstream HOST'] : []),
    ].join(' and ');
    throw new UsageError(
      `${file}: there is no such file. Give ${options}, or name with -c FILE a configuration that has edge and images.`,
      { cause: error },
    );
  }
}

/** Files for clients need neither the store nor a login of an upstream. @throws {ConfigurationError} */
async function readConfiguration(file: string, { cwd, env }: Session): Promise<Configuration> {
  const text = await readConfigurationText(file, { cwd });
  return parseWithoutSecrets(file, text, env, { needsImages: false, cwd });
}

/** @throws {UsageError} */
function parseOrigin(option: string, text: string): string {
  try {
    return parseEdgeUrl(text);
  } catch (error) {
    if (!(error instanceof EdgeAddressError)) throw error;
    // The text is not shown, because it may hold a password.
    throw new UsageError(`${option}: ${error.message}`, { cause: error });
  }
}

/** @throws {UsageError} */
function parseUpstreams(
  texts: readonly string[],
  configuration: Configuration | undefined,
): ClientSetup['upstreams'] {
  if (texts.includes('*')) {
    if (texts.length > 1) throw new UsageError('--upstream "*" is every registry: leave the others out.');
    return 'all';
  }
  const names = texts.map((text) => {
    try {
      return parseUpstream(text);
    } catch (error) {
      if (error instanceof NameInvalidError)
        throw new UsageError(`--upstream ${error.message}`, { cause: error });
      throw error;
    }
  });
  return [...new Set(names)].map((name) => mirrored(name, configuration));
}

/** @throws {UsageError} if there is none */
function someUpstreamsIn(
  configuration: Configuration | undefined,
  file: string,
): readonly MirroredUpstream[] {
  const upstreams = configuration === undefined ? [] : upstreamsIn(configuration);
  if (upstreams.length === 0) {
    throw new UsageError(`${file} lists no image, so name the registries, as in --upstream docker.io.`);
  }
  return upstreams;
}

/** @returns the registries of all images, in the order of the file */
export function upstreamsIn(configuration: Configuration): readonly MirroredUpstream[] {
  const names = [
    ...configuration.images.map(({ repository }) => upstreamOf(repository)),
    ...configuration.inUse.flatMap(({ upstreams }) => [...upstreams]),
    ...configuration.onDemand.map(({ upstream }) => upstream),
  ];
  return [...new Set(names)].map((name) => mirrored(name, configuration));
}

function mirrored(name: Upstream, configuration: Configuration | undefined): MirroredUpstream {
  return { name, isInsecure: configuration?.upstreams.get(name)?.insecure ?? false };
}
