/** Opens what `lifeboat rescue` takes an image from: an archive or a layout, a registry, a mirror, or another bucket. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  NameInvalidError,
  parseReference,
  parseUpstream,
  pathOf,
  upstreamOf,
  type Repository,
  type Tag,
} from '../../../core/reference.ts';
import type { Digest } from '../../../core/digest.ts';
import { openForReading } from '../../assembly/bucket-access.ts';
import { openRegistry, type RegistryDependencies } from '../../assembly/images.ts';
import { nodeOpeners } from '../../assembly/source-openers.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { loadConfiguration } from '../../configuration/load.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { dockerConfigReader } from '../../credentials/docker-files.ts';
import { SourceError, type Source } from '../../engine/source.ts';
import { createStoreAgents } from '../../runtime/node/agents.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import { S3Store } from '../../storage/s3/s3-store.ts';
import { BucketSource } from '../../sources/bucket/bucket-source.ts';
import { DockerArchiveSource } from '../../sources/docker-archive/docker-archive-source.ts';
import { openLayoutFiles } from '../../sources/layout/layout-files.ts';
import { LayoutSource } from '../../sources/layout/layout-source.ts';
import { TarInvalidError } from '../../sources/layout/tar-index.ts';
import { RegistrySource } from '../../sources/registry/registry-source.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';

/** An open source, and how it is asked for the image. */
export interface RescueSource {
  readonly source: Source;
  /** The tag that the source's own name has; undefined if it names none. */
  readonly tag: Tag | undefined;
  /** The same of a digest. */
  readonly digest: Digest | undefined;
  /** Whether upstream decides who may read it. */
  readonly isRegistry: boolean;
  /** Set for an archive in Docker's old format, which has no manifests. */
  readonly archive: DockerArchiveSource | undefined;
  /** Whether it is a file or a folder of this machine. */
  readonly isFile: boolean;
  /** The images of a layout that have no tag, so that a message can name them. */
  readonly unnamed?: readonly Digest[];
}

interface Access {
  readonly configuration: Configuration;
  readonly progress: Progress;
  readonly session: Session;
  readonly signal: AbortSignal;
}

const MIRROR = /^mirror:(?<address>.+)$/;
const BUCKET = /^bucket:(?<file>.+)$/;
const FILE = /^(?:oci|oci-archive|docker-archive):(?<path>.+)$/;
const REGISTRY = /^docker:\/\/(?<reference>.+)$/;

/**
 * @param repository the image's name in the bucket
 * @throws {UsageError} for a text that names nothing that can be opened
 * @throws {ConfigurationError} for another bucket that cannot be read
 */
export async function openRescueSource(
  text: string,
  repository: Repository,
  access: Access,
): Promise<RescueSource> {
  const { cwd } = access.session;
  const mirror = MIRROR.exec(text)?.groups?.['address'];
  if (mirror !== undefined) return openMirrorSource(mirror, repository, access);
  const file = BUCKET.exec(text)?.groups?.['file'];
  if (file !== undefined) return openBucketSource(file, repository, access);
  const named = FILE.exec(text)?.groups?.['path'];
  const path = resolve(cwd, named ?? text);
  const isThere = (await stat(path).catch(() => undefined)) !== undefined;
  if (isThere) return openFileSource(path, repository, access.signal);
  if (named !== undefined) throw new UsageError(`--from ${text}: there is no ${path}.`);
  const reference = REGISTRY.exec(text)?.groups?.['reference'];
  // Without a scheme, a text with a host is a registry's image.
  if (reference === undefined && !/^[^/]+[.:][^/]*\/./.test(text) && !text.startsWith('localhost/')) {
    throw new UsageError(
      `--from ${text}: there is no such file or folder, and it is no registry's image, such as registry.example.com/team/app:1.`,
    );
  }
  return openRegistrySource(reference ?? text, access);
}

async function openFileSource(
  path: string,
  repository: Repository,
  signal: AbortSignal,
): Promise<RescueSource> {
  const own = { tag: undefined, digest: undefined, isRegistry: false, isFile: true };
  try {
    const files = await openLayoutFiles(path, signal);
    const isLayout =
      (await files.size('oci-layout')) !== undefined && (await files.size('index.json')) !== undefined;
    if (!isLayout && (await files.size('manifest.json')) !== undefined) {
      const archive = new DockerArchiveSource(path, files, repository);
      await archive.tags();
      return { ...own, source: archive, archive };
    }
    const source = new LayoutSource(path, repository, signal);
    return { ...own, source, archive: undefined, unnamed: await source.unnamed() };
  } catch (error) {
    signal.throwIfAborted();
    const isExpected = error instanceof TarInvalidError || error instanceof SourceError;
    if (!isExpected) throw error;
    const reason = error instanceof TarInvalidError ? `it ${error.message}` : error.message;
    throw new UsageError(`--from ${path}: ${reason}`, { cause: error });
  }
}

async function openRegistrySource(text: string, access: Access): Promise<RescueSource> {
  const { repository, tag, digest } = parsed(text, () => parseReference(text));
  const registry = await openRegistry(
    upstreamOf(repository),
    access.configuration,
    registryDependencies(access),
  );
  const source = new RegistrySource(registry, pathOf(repository));
  return { source, tag, digest, isRegistry: true, isFile: false, archive: undefined };
}

/** A mirror as containerd asks it: the path is the image's own, and `?ns=` names the upstream. */
async function openMirrorSource(
  address: string,
  repository: Repository,
  access: Access,
): Promise<RescueSource> {
  const url = URL.parse(address);
  const isAddress = url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (!isAddress) {
    throw new UsageError(
      `--from mirror:${address}: a mirror is http:// or https:// with a host and a port, and without a path, such as mirror:http://10.0.0.7:30020.`,
    );
  }
  const upstream = parsed(`mirror:${address}`, () => parseUpstream(url.host));
  const registry = await openRegistry(upstream, access.configuration, registryDependencies(access), {
    insecure: url.protocol === 'http:',
    mirrorOf: upstreamOf(repository),
  });
  const source = new RegistrySource(registry, pathOf(repository));
  // A peer shows private images to everybody, so its answers do not say who may read one.
  return { source, tag: undefined, digest: undefined, isRegistry: false, isFile: false, archive: undefined };
}

/** @throws {UsageError} for a name that is not valid */
function parsed<Name>(text: string, parse: () => Name): Name {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    throw new UsageError(`--from ${text}: ${error.message}`, { cause: error });
  }
}

function registryDependencies({ progress, session, signal }: Access): RegistryDependencies {
  const { env } = session;
  const proxies = readProxies(env);
  const agents = createStoreAgents(proxies);
  const dockerConfigs = dockerConfigReader(env);
  const clock = systemClock;
  return { clock, log: progress, signal, ...nodeOpeners({ clock, signal, agents, proxies, dockerConfigs }) };
}

async function openBucketSource(
  file: string,
  repository: Repository,
  { session }: Access,
): Promise<RescueSource> {
  const other = await loadConfiguration(file, session.env, { needsImages: false, cwd: session.cwd });
  const store = await openForReading(file, other, session.env);
  if (!(store instanceof S3Store)) throw new Error('A bucket that is read is an S3 store.');
  return {
    source: new BucketSource(store, repository),
    tag: undefined,
    digest: undefined,
    isRegistry: false,
    isFile: false,
    archive: undefined,
  };
}
