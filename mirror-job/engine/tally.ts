/** Counts the work that a run has done so far. The engine adds to the counts, and the progress bar reads them. */
import type { Digest } from '../../core/digest.ts';
import type { Repository } from '../../core/reference.ts';

/** A layer whose licence keeps it elsewhere, and which its registry does not have: clients fetch it from its URLs. */
export interface ForeignLayer {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly urls: readonly string[];
}

/** The counts of copies. Those of the parts of a run add up to the run's. */
export interface CopyCounts {
  readonly blobs: { readonly copied: number; readonly present: number };
  readonly manifests: { readonly copied: number };
  /** Bytes read from sources. */
  readonly bytes: number;
  /** The foreign layers that are not mirrored; left out where there is none. */
  readonly foreignLayers?: readonly ForeignLayer[];
}

/** A blob that is being copied. */
export interface Running {
  readonly label: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes. */
  done: number;
}

interface Counts {
  /** The tags and digests that the images select, as far as they are selected by now. */
  planned: number;
  /** How many of these are done, whatever their outcome. */
  finished: number;
  /** Bytes read from sources. */
  bytes: number;
  /** Bytes of the blobs that are known to be needed and not known to be there. */
  bytesPlanned: number;
  blobsCopied: number;
  /** How many of these were uploaded in parts. A run that is killed leaves such an upload unfinished. */
  blobsInParts: number;
  /** Blobs that were in the bucket already. Each costs one small write where the repository had no link to it. */
  blobsPresent: number;
  manifestsCopied: number;
}

export class Tally {
  readonly running: Set<Running>;
  readonly #counts: Counts = {
    planned: 0,
    finished: 0,
    bytes: 0,
    bytesPlanned: 0,
    blobsCopied: 0,
    blobsInParts: 0,
    blobsPresent: 0,
    manifestsCopied: 0,
  };
  readonly #whole: Tally | undefined;
  readonly #foreignLayers = new Map<string, ForeignLayer>();

  /** @param whole the tally of the run that this one is a part of; left out for the run's own */
  constructor(whole?: Tally) {
    this.#whole = whole;
    this.running = whole?.running ?? new Set();
  }

  /** @returns a tally of a part of the run. What is counted there is counted here too */
  part(): Tally {
    return new Tally(this);
  }

  /** The counts so far. Only `add` changes them, because a part's counts are the whole's, too. */
  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  add(counter: keyof Counts, count = 1): void {
    this.#counts[counter] += count;
    this.#whole?.add(counter, count);
  }

  /** Each layer of a repository counts once. */
  addForeignLayer(layer: ForeignLayer): void {
    this.#foreignLayers.set(`${layer.repository}@${layer.digest}`, layer);
    this.#whole?.addForeignLayer(layer);
  }

  get copied(): CopyCounts {
    const { blobsCopied, blobsPresent, manifestsCopied, bytes } = this.#counts;
    return {
      blobs: { copied: blobsCopied, present: blobsPresent },
      manifests: { copied: manifestsCopied },
      bytes,
      ...(this.#foreignLayers.size > 0 && { foreignLayers: [...this.#foreignLayers.values()] }),
    };
  }
}

/** @returns the sum; a foreign layer that several parts have met is listed once */
export function sumCopied(parts: readonly CopyCounts[]): CopyCounts {
  const sum = new Tally();
  for (const { blobs, manifests, bytes, foreignLayers = [] } of parts) {
    sum.add('blobsCopied', blobs.copied);
    sum.add('blobsPresent', blobs.present);
    sum.add('manifestsCopied', manifests.copied);
    sum.add('bytes', bytes);
    for (const layer of foreignLayers) sum.addForeignLayer(layer);
  }
  return sum.copied;
}
