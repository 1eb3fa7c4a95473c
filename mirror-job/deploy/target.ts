/** The wanted deployment, as the configuration and the command line say it. */
import type { Audience } from '../../core/identity.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { UsageError } from '../configuration/usage-error.ts';

/** The Workers that are deployed. */
export interface Parts {
  readonly edge: boolean;
  readonly job: boolean;
}

export interface Target {
  /** As the command line names it. */
  readonly configurationFile: string;
  /** The address of the edge; undefined if nothing says it, and only the job is deployed. */
  readonly url: string | undefined;
  /** The `name` of the configuration, under which the bucket keeps its catalogue. */
  readonly name: string;
  readonly audience: Audience;
  readonly store: TargetStore;
  readonly hasOnDemand: boolean;
  readonly parts: Parts;
}

export interface TargetStore {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** The address of its S3 API; undefined for AWS, and for an R2 whose address is not known here. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly pathStyle: boolean;
  /** Whether it is a bucket of R2, which wrangler creates. */
  readonly isR2: boolean;
  /** The account that its address names; undefined if it names none. */
  readonly accountId: string | undefined;
}

export const QUEUE = 'lifeboat-misses';

/** As `withPlaceholders` makes them up for variables that are not set. */
const MADE_UP = /\.invalid$/;
const R2 = /^([^.]+)\.r2\.cloudflarestorage\.com$/;
const R2_OF_JURISDICTION = /^[^.]+\.[^.]+\.r2\.cloudflarestorage\.com$/;

export interface TargetOptions {
  readonly configurationFile: string;
  readonly parts: Parts;
  /** The host name of the command line. */
  readonly domain: string | undefined;
  /** The host names that the edge's own file has; undefined if there is no such file. */
  readonly deployedHosts: readonly string[] | undefined;
}

/** @throws {UsageError} for what this command cannot set up */
export function targetOf(configuration: Configuration, options: TargetOptions): Target {
  const { name, laterStores, onDemand } = configuration;
  const { configurationFile, parts, deployedHosts } = options;
  const store = storeOf(configuration);
  if (!store.isR2 && parts.job) {
    throw new UsageError(
      `${configurationFile} has a store that is not in R2, and this command sets up a job for a bucket of R2 alone. Deploy the edge by --edge-only, and the job by docs/serverless.md or on a machine.`,
    );
  }
  if (laterStores.length > 0 && parts.edge && deployedHosts === undefined) {
    throw new UsageError(
      `${configurationFile} has several stores, and this command writes a file for one. Copy wrangler.deploy.example.toml to wrangler.deploy.toml, and write the variables of each store into it: docs/edge.md`,
    );
  }
  return {
    configurationFile,
    url: urlOf(configuration, options),
    name,
    audience: configuration.store.audience,
    store,
    hasOnDemand: onDemand.length > 0,
    parts,
  };
}

function storeOf({ store }: Configuration): TargetStore {
  const { bucket, prefix, endpoint, region, pathStyle } = store;
  const host = endpoint === undefined ? undefined : URL.parse(endpoint)?.hostname;
  if (host !== undefined && R2_OF_JURISDICTION.test(host)) {
    throw new UsageError(
      `${host} is R2 in a jurisdiction, which this command does not set up. README.md has the steps by hand; give each "wrangler r2" command --jurisdiction, and each [[r2_buckets]] a line "jurisdiction".`,
    );
  }
  const accountId = R2.exec(host ?? '')?.[1];
  const isUnknown = host !== undefined && MADE_UP.test(host);
  return {
    bucket,
    prefix,
    endpoint: isUnknown ? undefined : endpoint,
    region,
    pathStyle,
    isR2: isUnknown || accountId !== undefined,
    accountId,
  };
}

function urlOf({ edge }: Configuration, { domain, deployedHosts, parts }: TargetOptions): string | undefined {
  if (domain !== undefined && (!/^[a-z0-9.-]+\.[a-z0-9-]+$/i.test(domain) || domain.length > 253)) {
    throw new UsageError(
      `--domain ${domain}: name a host, as in mirror.example.com, without https:// and path.`,
    );
  }
  const fromEdge = edge === undefined ? undefined : new URL(edge.url);
  if (domain !== undefined && fromEdge !== undefined && fromEdge.hostname !== domain.toLowerCase()) {
    throw new UsageError(
      `--domain is ${domain}, and edge.url of the configuration is ${fromEdge.origin}. Give both the same host, or leave --domain out.`,
    );
  }
  if (fromEdge !== undefined) return fromEdge.origin;
  const host = domain?.toLowerCase() ?? deployedHosts?.[0];
  if (host !== undefined) return `https://${host}`;
  if (!parts.edge) return undefined;
  throw new UsageError(
    'name the host of the edge, as in --domain mirror.example.com. Its domain has to be a zone of your account. Or write "edge: { url: https://mirror.example.com }" into the configuration.',
  );
}
