/**
 * Reads the manifests of one repository: from the bucket if it has them, else from a source. Each is read once for all who
 * need it, and those that are listed wait for their part of the memory.
 */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import {
  MAX_MANIFEST_BYTES,
  ManifestInvalidError,
  parseManifest,
  type Manifest,
} from '../../../core/manifest.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import { readManifest } from '../graph/read-manifest.ts';
import {
  ManifestAbsentError,
  SourceError,
  TooLongError,
  type Source,
  type SourceManifest,
  partyOf,
} from '../source.ts';
import type { FairShare } from '../support/fair-share.ts';
import type { MemoryBudget } from '../support/memory-budget.ts';
import { AsyncCache } from '../support/async-cache.ts';

/** A manifest's bytes that were read. */
export interface ManifestRead extends SourceManifest {
  /** Whether the bytes come from the bucket. It has all blobs of the manifest then. */
  readonly isPresent: boolean;
  /** Gives back the share of the memory for listed manifests. It can be called again. */
  readonly release: () => void;
}

export class ManifestReader {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #admit: (digest: Digest) => Promise<void>;
  readonly #memoryBudget: Pick<MemoryBudget, 'keep'>;
  readonly #read = new AsyncCache<Digest, ManifestRead>();

  /**
   * @param admit called before a manifest that the bucket lacks is taken from a source; what it throws is the failure
   * @param memoryBudget the memory that the copiers of the run share
   */
  constructor(
    environment: Environment,
    repository: Repository,
    admit: (digest: Digest) => Promise<void>,
    memoryBudget: Pick<MemoryBudget, 'keep'>,
  ) {
    this.#environment = environment;
    this.#repository = repository;
    this.#admit = admit;
    this.#memoryBudget = memoryBudget;
  }

  /** Reads the manifest anew when it is needed again. */
  forget(digest: Digest): void {
    this.#read.forget(digest);
  }

  /** Remembers the bytes for another try, as long as there is room for them. */
  keep({ digest, bytes }: ManifestRead): void {
    this.#memoryBudget.keep(bytes.length, () => this.#read.forget(digest));
  }

  /**
   * Reads once for all callers, unless an earlier one was told a size that is too small.
   * @param bytesAtHand the manifest, where the source has sent it already
   * @param expected the descriptor that lists the manifest; undefined if it is not listed
   * @param share the tree's part of the memory for listed manifests
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async read(
    digest: Digest,
    source: Source,
    bytesAtHand: SourceManifest | undefined,
    expected: Descriptor | undefined,
    share: FairShare,
  ): Promise<ManifestRead> {
    const limitBytes = Math.min(expected?.size ?? MAX_MANIFEST_BYTES, MAX_MANIFEST_BYTES);
    for (;;) {
      try {
        return await this.#read.get(digest, () =>
          this.#readInTurn(
            digest,
            source,
            bytesAtHand,
            limitBytes,
            expected === undefined ? undefined : share,
          ),
        );
      } catch (error) {
        if (!(error instanceof TooLongError)) throw error;
        if (error.limit < limitBytes) continue;
        if (expected === undefined || expected.size > limitBytes) throw error;
        throw new SourceError(
          `${source.name}: manifest ${digest} has more than the ${expected.size} bytes that its descriptor says.`,
          { cause: error },
        );
      }
    }
  }

  /**
   * A listed manifest waits for its part of the memory, because an index may list any number and all are read side by side.
   * @param share undefined for a manifest that is not listed
   */
  async #readInTurn(
    digest: Digest,
    source: Source,
    bytesAtHand: SourceManifest | undefined,
    limitBytes: number,
    share: FairShare | undefined,
  ): Promise<ManifestRead> {
    const { listedManifests } = this.#environment;
    const party = partyOf(source);
    let heldBytes = 0;
    const release = (): void => {
      if (heldBytes === 0) return;
      listedManifests.give(party, heldBytes);
      share?.give(party, heldBytes);
      heldBytes = 0;
    };
    if (share !== undefined) {
      // The image's share comes first: an image that waits for itself must not hold the upstream's share meanwhile.
      await share.take(party, limitBytes);
      await listedManifests.take(party, limitBytes);
      heldBytes = limitBytes;
    }
    try {
      return { ...(await this.#readAnywhere(digest, source, bytesAtHand, limitBytes)), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #readAnywhere(
    digest: Digest,
    source: Source,
    bytesAtHand: SourceManifest | undefined,
    limitBytes: number,
  ): Promise<Omit<ManifestRead, 'release'>> {
    const { store, signal, log } = this.#environment;
    signal.throwIfAborted();
    const stored = await readManifest(store, this.#repository, digest);
    if (stored === 'damaged') {
      log.warn(
        `${store.name}: the manifest ${digest} of ${this.#repository} does not match its digest. It is written anew.`,
      );
    } else if (stored !== 'absent') {
      return { digest, bytes: stored.bytes, mediaType: stored.contentType, isPresent: true };
    }
    await this.#admit(digest);
    return { ...(bytesAtHand ?? (await fetchManifest(source, digest, limitBytes))), isPresent: false };
  }
}

/** @param expected the descriptor that lists the manifest. @throws {SourceError} for bytes that are no manifest */
export function parseRead(
  { digest, bytes, mediaType }: SourceManifest,
  { name }: Source,
  expected: Descriptor | undefined,
): Manifest {
  try {
    return parseManifest(bytes, mediaType, expected?.mediaType);
  } catch (error) {
    if (!(error instanceof ManifestInvalidError)) throw error;
    throw new SourceError(`${name}: manifest ${digest}: ${error.message}`, { cause: error });
  }
}

async function fetchManifest(source: Source, digest: Digest, limitBytes: number): Promise<SourceManifest> {
  const manifest = await source.manifest(digest, limitBytes);
  if (manifest === undefined) {
    throw new ManifestAbsentError(`${source.name} has no manifest ${digest}.`, digest);
  }
  return manifest;
}
