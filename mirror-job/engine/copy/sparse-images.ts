/**
 * An image of the configuration of which a subset of platforms is mirrored. Its indexes keep their bytes and name
 * children that are not there; the record of which are is at least what is stored, never more.
 */
import type { Environment } from '../environment.ts';
import type { Image } from '../run/image.ts';
import type { StoredManifest } from './stored-manifest.ts';
import { covers, joinPlatforms, type Platforms } from './platform.ts';

/** What was noted of something that is stored: of a tag, of a pin. */
export interface Recorded {
  readonly platforms?: Platforms;
}

export class SparseImages {
  readonly #log: Environment['log'];
  readonly #image: Pick<Image, 'source' | 'platforms'>;
  #isSaid = false;

  constructor({ log }: Pick<Environment, 'log'>, image: Pick<Image, 'source' | 'platforms'>) {
    this.#log = log;
    this.#image = image;
  }

  /** Whether what is recorded of a digest has all that is wanted of it. */
  isWhole({ platforms }: Recorded): boolean {
    return covers(platforms, this.#image.platforms);
  }

  /** What to see to: of what is stored already nothing is given up, or its record would say less than before. */
  wanted(known: Recorded | undefined): Platforms {
    const { platforms } = this.#image;
    return known === undefined ? platforms : joinPlatforms(known.platforms, platforms);
  }

  /** What to record of what was stored for `wanted`. Says once what a subset means. */
  record({ platforms: { left } }: StoredManifest, wanted: Platforms): Platforms {
    if (wanted === undefined || left.length === 0) return undefined;
    if (!this.#isSaid) {
      this.#log.warn(
        `${this.#image.source.name}: mirrored only for ${wanted.join(', ')}, and not for ${left.join(', ')}. podman and CRI-O cannot fall back on upstream for a platform that the mirror leaves out: a node of such a platform fails to pull.`,
      );
    }
    this.#isSaid = true;
    return wanted;
  }
}

/** Whether two records say the same. */
export function isSameRecord(one: Platforms, other: Platforms): boolean {
  return covers(one, other) && covers(other, one);
}
