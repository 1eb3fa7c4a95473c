/** Collects the images that files and clusters mention: each once, with all its uses, in one order whatever came first. */
import type { Digest } from '../../core/digest.ts';
import { MAX_USES, type ImageUse, type SeenImage } from '../../core/in-use-list.ts';
import { formatReference, parseTag, type Reference } from '../../core/reference.ts';
import type { Control, Mention, ObjectName } from './mention.ts';

/** The tag that a runtime pulls for a name without one. */
const LATEST = parseTag('latest');

interface Collected {
  readonly reference: string;
  readonly digest: Digest | undefined;
  /** As JSON, because the same use may be mentioned twice. */
  readonly uses: Set<string>;
  readonly platforms: Set<string>;
}

export class Inventory {
  readonly #images = new Map<string, Collected>();
  /** The owner of each object; undefined if it is contradicted, as by dumps of two clusters. */
  readonly #controllers = new Map<string, ObjectName | undefined>();

  /** An object that was made by another one is no use of its own, whichever of the two is read first. */
  addControl({ of, by }: Control): void {
    const key = objectText(of);
    const known = this.#controllers.get(key);
    const isContradicted =
      this.#controllers.has(key) && (known === undefined || objectText(known) !== objectText(by));
    this.#controllers.set(key, isContradicted ? undefined : by);
  }

  add({ reference, digest = reference.digest, platform, use }: Mention): void {
    const name = nameOf(reference);
    const key = `${name} ${digest ?? ''}`;
    const image = this.#images.get(key) ?? {
      reference: name,
      digest,
      uses: new Set(),
      platforms: new Set(),
    };
    this.#images.set(key, image);
    image.uses.add(textOf(use));
    if (platform !== undefined) image.platforms.add(platform);
  }

  /** Sorted by reference and digest. What asks for a tag is a use of what runs under it, if that is known. */
  get images(): readonly SeenImage[] {
    const byName = Map.groupBy(
      [...this.#images].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, image]) => image),
      ({ reference }) => reference,
    );
    return [...byName.values()].flatMap((own) => {
      const asked = own.find(({ digest }) => digest === undefined);
      const [first, ...others] = own.filter((image) => image !== asked);
      const images = asked === undefined || first === undefined ? own : [joined(first, asked), ...others];
      return images.map((image) => seen({ ...image, uses: this.#byControllers(image.uses) }));
    });
  }

  #byControllers(uses: Set<string>): Set<string> {
    if (this.#controllers.size === 0) return uses;
    return new Set(
      [...uses].map((text) => {
        const use = useOf(text);
        const controller = this.#controllers.get(objectText(use));
        return controller === undefined ? text : textOf({ ...use, ...controller });
      }),
    );
  }
}

function objectText({ namespace, kind, name }: ObjectName): string {
  return JSON.stringify([namespace ?? '', kind, name]);
}

/** The name with its tag and its digest. A name with neither means the tag `latest`. */
function nameOf({ repository, tag, digest }: Reference): string {
  return formatReference({ repository, tag: tag ?? (digest === undefined ? LATEST : undefined), digest });
}

/** The order of the keys makes equal uses equal texts, and sorts them by what people look for. */
function textOf({ how, namespace, kind, name, container }: ImageUse): string {
  return JSON.stringify([namespace ?? '', kind, name, container ?? '', how]);
}

function useOf(text: string): ImageUse {
  const [namespace, kind, name, container, how]: [string, string, string, string, ImageUse['how']] =
    JSON.parse(text);
  return {
    ...(namespace !== '' && { namespace }),
    kind,
    name,
    ...(container !== '' && { container }),
    how,
  };
}

/** A container that runs is one use, although its pod asks for the image too. */
function withoutDoubles(uses: ReadonlySet<string>): readonly string[] {
  const runs = (use: string): boolean => uses.has(use.replace(/"spec"\]$/, '"running"]'));
  return [...uses].filter((use) => !(use.endsWith('"spec"]') && runs(use)));
}

function joined(image: Collected, other: Collected): Collected {
  return {
    ...image,
    uses: new Set([...image.uses, ...other.uses]),
    platforms: new Set([...image.platforms, ...other.platforms]),
  };
}

function seen({ reference, digest, uses: all, platforms }: Collected): SeenImage {
  const uses = withoutDoubles(all);
  return {
    reference,
    ...(digest !== undefined && { digest }),
    ...(platforms.size > 0 && { platforms: [...platforms].toSorted() }),
    uses: firstUses(uses).map(useOf),
    useCount: uses.length,
  };
}

/** If a use is no text, one such is among the first, because otherwise the image would seem to be named by texts alone. */
function firstUses(uses: readonly string[]): readonly string[] {
  const sorted = uses.toSorted();
  const kept = sorted.slice(0, MAX_USES);
  const firm = sorted.find((use) => !use.endsWith('"text"]'));
  return firm === undefined || kept.includes(firm) ? kept : [...kept.slice(0, -1), firm];
}
