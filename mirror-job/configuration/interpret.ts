/** From the file's shape to what it means. Every problem is collected with its path, so that one run shows them all. */
import { dirname, resolve } from 'node:path';
import { isDigest, type Digest } from '../../core/digest.ts';
import {
  NameInvalidError,
  parseReference,
  parseRepository,
  parseUpstream,
  pathOf,
  looksLikeUpstream,
  upstreamOf,
  type Repository,
  type Upstream,
} from '../../core/reference.ts';
import type { Configuration, ImageConfiguration, UpstreamConfiguration } from './configuration.ts';
import type { Path } from './document.ts';
import { parseDuration } from './duration.ts';
import { PatternInvalidError, compileSelection } from './pattern.ts';
import type { ConfigurationFile } from './schema.ts';

type Image = Exclude<ConfigurationFile['images'][number], string>;

const DEFAULT_REFERRERS_EVERY = 24 * 3_600_000;

/**
 * @param file where relative paths in it start
 * @returns the configuration, of use only if there is no problem
 */
export function interpret(
  file: string,
  input: ConfigurationFile,
): { configuration: Configuration; problems: { path: Path; message: string }[] } {
  const interpreter = new Interpreter(dirname(resolve(file)));
  const configuration = interpreter.configuration(input);
  return { configuration, problems: interpreter.problems };
}

class Interpreter {
  readonly problems: { path: Path; message: string }[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  configuration(input: ConfigurationFile): Configuration {
    const referrersEvery =
      this.#referrers(input.defaults?.referrers, ['defaults', 'referrers']) ?? DEFAULT_REFERRERS_EVERY;
    return {
      name: input.name ?? 'default',
      store: this.#store(input.store),
      upstreams: this.#upstreams(input.upstreams ?? {}),
      images: input.images.flatMap((image, index) => {
        const shape = typeof image === 'string' ? { source: image } : image;
        return this.#image(shape, ['images', index], referrersEvery) ?? [];
      }),
    };
  }

  #store(input: ConfigurationFile['store']): Configuration['store'] {
    const { endpoint, bucket, accessKeyId, secretAccessKey } = input;
    if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
      this.#problem(
        ['store'],
        'accessKeyId and secretAccessKey belong together: give both, or neither to use the AWS SDK’s own chain.',
      );
    }
    if (endpoint === undefined && input.region === undefined) {
      this.#problem(['store'], 'it needs an endpoint or, for AWS, a region.');
    }
    const prefix = (input.prefix ?? '').replace(/^\/+/, '').replace(/\/*$/, '/');
    return {
      endpoint,
      bucket,
      region: input.region ?? 'auto',
      prefix: prefix === '/' ? '' : prefix,
      pathStyle: input.pathStyle ?? endpoint !== undefined,
      credentials:
        accessKeyId === undefined || secretAccessKey === undefined
          ? undefined
          : { accessKeyId, secretAccessKey },
      audience: input.audience ?? 'public',
      singleWriter: input.singleWriter ?? false,
    };
  }

  #upstreams(input: NonNullable<ConfigurationFile['upstreams']>): Map<Upstream, UpstreamConfiguration> {
    const upstreams = new Map<Upstream, UpstreamConfiguration>();
    for (const [host, { credentials, insecure, ca, timeout }] of Object.entries(input)) {
      const path = ['upstreams', host];
      const upstream = this.#named(path, () => parseUpstream(host));
      if (upstream === undefined) continue;
      if (upstreams.has(upstream)) this.#problem(path, `${upstream} is there twice.`);
      upstreams.set(upstream, {
        credential: credentials?.[0],
        insecure: insecure ?? false,
        ca: ca === undefined ? undefined : resolve(this.#folder, ca),
        timeout: timeout === undefined ? undefined : this.#duration(timeout, [...path, 'timeout']),
      });
    }
    return upstreams;
  }

  #image(input: Image, path: Path, defaultReferrers: number | false): ImageConfiguration | undefined {
    const source = this.#source(input, path);
    if (source === undefined) return undefined;
    const include = Array.isArray(input.tags) ? input.tags : (input.tags?.include ?? []);
    const exclude = Array.isArray(input.tags) ? [] : (input.tags?.exclude ?? []);
    const tags = this.#selection([...source.tags, ...include], exclude, path);
    const digests = [...source.digests, ...this.#digests(input.digests ?? [], [...path, 'digests'])];
    if (tags === undefined) return undefined;
    if (tags.explicit.length === 0 && tags.matches === undefined && digests.length === 0) {
      this.#problem(
        path,
        `nothing selects tags or digests of ${input.source}. Add a tag to the reference (${input.source}:TAG), or tags: ['*'] for all of them, or digests.`,
      );
    }
    return {
      source: source.from,
      repository: source.repository,
      tags,
      digests: [...new Set(digests)],
      referrersEvery: this.#referrers(input.referrers, [...path, 'referrers']) ?? defaultReferrers,
      public: input.public ?? false,
    };
  }

  /** What to copy from, where to serve it, and the tag or digest that stands in the reference. */
  #source(
    input: Image,
    path: Path,
  ):
    | { from: ImageConfiguration['source']; repository: Repository; tags: string[]; digests: Digest[] }
    | undefined {
    const name = input.name === undefined ? undefined : this.#name(input.name, [...path, 'name']);
    const sourcePath = [...path, 'source'];
    if (input.source.startsWith('oci:')) {
      const folder = resolve(this.#folder, input.source.slice('oci:'.length));
      if (input.name === undefined) {
        this.#problem(
          path,
          `${input.source} needs a name to be served under, such as name: images.internal/app.`,
        );
      }
      return name === undefined
        ? undefined
        : { from: { kind: 'layout', folder }, repository: name, tags: [], digests: [] };
    }
    const reference = this.#named(sourcePath, () => parseReference(input.source));
    if (reference === undefined) return undefined;
    const { repository, tag, digest } = reference;
    if (tag !== undefined && digest !== undefined) {
      this.#problem(
        sourcePath,
        'it names a tag and a digest. Give one of them, or list the other under tags or digests.',
      );
    }
    return {
      from: { kind: 'registry', upstream: upstreamOf(repository), path: pathOf(repository) },
      repository: name ?? repository,
      tags: tag === undefined ? [] : [tag],
      digests: digest === undefined ? [] : [digest],
    };
  }

  #name(text: string, path: Path): Repository | undefined {
    const first = text.split('/', 1)[0] ?? '';
    if (!first.includes(':') && !looksLikeUpstream(first)) {
      this.#problem(path, `its first part has to look like a host, as in images.internal/${text}.`);
      return undefined;
    }
    return this.#named(path, () => parseRepository(text));
  }

  #selection(include: readonly string[], exclude: readonly string[], path: Path) {
    try {
      return compileSelection(include, exclude);
    } catch (error) {
      if (!(error instanceof PatternInvalidError)) throw error;
      this.#problem([...path, 'tags'], error.message);
      return undefined;
    }
  }

  #digests(texts: readonly string[], path: Path): Digest[] {
    return texts.flatMap((text, index) => {
      if (isDigest(text)) return [text];
      this.#problem(
        [...path, index],
        `"${text}" is not a digest (sha256: and 64, or sha512: and 128, hexadecimal digits).`,
      );
      return [];
    });
  }

  #referrers(input: Image['referrers'], path: Path): number | false | undefined {
    if (input === undefined || input === false) return input;
    return this.#duration(input.every, [...path, 'every']);
  }

  #duration(text: string, path: Path): number | undefined {
    const duration = parseDuration(text);
    if (duration === undefined) this.#problem(path, `"${text}" is not a duration, such as 30s, 24h or 7d.`);
    return duration;
  }

  #named<Value>(path: Path, parse: () => Value): Value | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof NameInvalidError)) throw error;
      this.#problem(path, error.message);
      return undefined;
    }
  }

  #problem(path: Path, message: string): void {
    this.problems.push({ path, message });
  }
}
