/**
 * Images of which a subset of platforms is mirrored. Their indexes keep their bytes, and name children that are not stored. The
 * record of platforms never claims more than is stored.
 */
import type { Environment } from '../environment.ts';
import type { Image } from '../image.ts';
import type { StoredManifest } from './stored-manifest.ts';
import { covers, joinPlatforms, type Platforms } from '../selection/platform.ts';

/** The record of platforms of a tag or a pin. */
export interface Recorded {
  readonly platforms?: Platforms;
}

export class SparseImages {
  readonly #log: Environment['log'];
  readonly #image: Pick<Image, 'source' | 'platforms'>;
  #hasWarned = false;

  constructor({ log }: Pick<Environment, 'log'>, image: Pick<Image, 'source' | 'platforms'>) {
    this.#log = log;
    this.#image = image;
  }

  /** Whether the record of a digest has all platforms that the image wants. */
  isWhole({ platforms }: Recorded): boolean {
    return covers(platforms, this.#image.platforms);
  }

  /** The platforms to store. It includes those that are stored already, so that the record does not shrink. */
  wanted(known: Recorded | undefined): Platforms {
    const { platforms } = this.#image;
    return known === undefined ? platforms : joinPlatforms(known.platforms, platforms);
  }

  /** The record for a manifest that was stored for `wanted`. The first subset causes a warning about its consequence. */
  record({ platforms: { leftOut } }: StoredManifest, wanted: Platforms): Platforms {
    if (wanted === undefined || leftOut.length === 0) return undefined;
    if (!this.#hasWarned) {
      this.#log.warn(
        `${this.#image.source.name}: mirrored only for ${wanted.join(', ')}, and not for ${leftOut.join(', ')}. podman and CRI-O cannot fall back on upstream for a platform that the mirror leaves out: a node of such a platform fails to pull.`,
      );
    }
    this.#hasWarned = true;
    return wanted;
  }
}

/** Whether two records have the same platforms. */
export function isSameRecord(one: Platforms, other: Platforms): boolean {
  return covers(one, other) && covers(other, one);
}
