/**
 * The list of images that clients have asked the edge for and the bucket lacked: the content of
 * `state/<name>/demanded.json`, and its changes. Each run mirrors the images that were mirrored once, so that their tags
 * stay fresh. Pure.
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../core/bucket-object.ts';
import { encodeJson, isObject } from '../../core/json.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** How long an image that could not be mirrored is left alone at first. Each further failure doubles it, up to a day. */
const RETRY_MS = 15 * MINUTE_MS;
/** How long the list remembers an image that was not mirrored. */
const REMEMBERED_MS = 2 * DAY_MS;

/** An isolate must not be asked to hold more of them. */
const MAX_UNDERWAY = 50;
/** Bounds what clients make the job fetch. */
const MAX_A_DAY = 500;
/** Bounds what clients who ask for made-up names cost the upstreams, and the list. */
const MAX_FAILED = 2000;
/** Bounds what each run asks upstreams for. */
const MAX_MIRRORED = 2000;

const MAX_FAILURE_CHARACTERS = 1000;

const VERSION = 1;

export interface DemandedImage {
  /** With a tag or a digest, as `formatReference` writes it. */
  readonly reference: string;
  /** When a client asked last, and the image was begun. ISO 8601, UTC. */
  readonly asked: string;
  /** When it was mirrored first; left out if it was not. ISO 8601, UTC. */
  readonly mirrored?: string | undefined;
  /** The instance that mirrors it; left out when that has ended. */
  readonly instance?: string | undefined;
  /** Why the last attempt failed: a sentence. */
  readonly failure?: string | undefined;
  /** How often it has failed in a row; left out for never. */
  readonly failures?: number | undefined;
}

/** The decisions about references that clients have asked for. */
export interface Claim {
  readonly images: readonly DemandedImage[];
  /** To be mirrored now. */
  readonly claimed: readonly string[];
  /** To be asked for again later, because too many are under way. */
  readonly waiting: readonly string[];
  /** Refused until somebody changes something, or until the next day: sentences. */
  readonly refusals: readonly string[];
}

/** The instance that claims, those that run, and the time. */
export interface Claimant {
  /** The instance that is to mirror what is claimed. A claim of the same instance again gives it the same images. */
  readonly instance: string;
  /** The instances that exist and have not ended. */
  readonly running: ReadonlySet<string>;
  readonly now: Date;
}

/** @param references that the bucket lacks and the configuration allows */
export function claimImages(
  images: readonly DemandedImage[],
  references: readonly string[],
  { instance, running, now }: Claimant,
): Claim {
  const remembered = images.filter((image) => isRemembered(image, now));
  const known = new Map(remembered.map((image) => [image.reference, image]));
  const isRunning = (image: DemandedImage | undefined): boolean =>
    image?.instance !== undefined && running.has(image.instance);
  const busy = new Set(remembered.filter(isRunning).map(({ reference }) => repositoryOf(reference)));
  const claimed: string[] = [];
  const waiting: string[] = [];
  const refusals: string[] = [];
  let underway = remembered.filter(isRunning).length;
  let today = remembered.filter(
    (image) => image.failure === undefined && isWithin(image.asked, DAY_MS, now),
  ).length;
  const failed = remembered.filter(({ failure }) => failure !== undefined).length;
  const mirrored = mirroredReferences(remembered).length;
  for (const reference of new Set(references)) {
    const before = known.get(reference);
    if (before?.instance === instance) {
      // The write of this claim was repeated, so it finds its own images.
      claimed.push(reference);
    } else if (isRunning(before) || isLeftAlone(before, now)) {
      // Nothing to do: the instance that mirrors it, or has failed to, notes what becomes of it.
    } else if (isDigest(reference) && busy.has(repositoryOf(reference))) {
      // It may come with the tag that is under way.
      waiting.push(reference);
    } else if (before?.mirrored === undefined && mirrored + underway >= MAX_MIRRORED) {
      refusals.push(
        `${reference} is not mirrored on demand, because ${MAX_MIRRORED} images are, the most that each run keeps fresh. List what you need under images, and take it out of demanded.json.`,
      );
    } else if (today >= MAX_A_DAY || (before === undefined && failed >= MAX_FAILED)) {
      refusals.push(
        `${reference} is not mirrored on demand, because clients have asked for ${today >= MAX_A_DAY ? MAX_A_DAY : MAX_FAILED} images${today >= MAX_A_DAY ? ' within a day' : ' that could not be mirrored'}, the most that are begun. It is mirrored when a client asks tomorrow, or when you list it under images.`,
      );
    } else if (underway >= MAX_UNDERWAY) {
      waiting.push(reference);
    } else {
      known.set(reference, {
        reference,
        asked: now.toISOString(),
        mirrored: before?.mirrored,
        failures: before?.failures,
        instance,
      });
      claimed.push(reference);
      underway += 1;
      if (before === undefined || !isWithin(before.asked, DAY_MS, now)) today += 1;
    }
  }
  return { images: [...known.values()], claimed, waiting, refusals };
}

/** The outcomes of references that were claimed. */
export interface Settlement {
  readonly mirrored: readonly string[];
  /** By reference: a sentence. */
  readonly failures: Readonly<Record<string, string>>;
  /** Those that nothing has to be done for, such as a digest that a tag has brought. The list forgets them. */
  readonly forgotten: readonly string[];
}

/**
 * @param instance that has claimed them. What another one has claimed meanwhile is left alone. An image whose claim was ended is
 *   settled, because it is mirrored all the same
 */
export function settleImages(
  images: readonly DemandedImage[],
  { mirrored, failures, forgotten }: Settlement,
  instance: string,
  now: Date,
): readonly DemandedImage[] {
  const fresh = new Set(mirrored);
  const dropped = new Set(forgotten);
  return images.flatMap((image): DemandedImage[] => {
    const { reference, asked, mirrored: first } = image;
    if (image.instance !== undefined && image.instance !== instance) return [image];
    const ended = { reference, asked, mirrored: first };
    const failure = failures[reference];
    if (fresh.has(reference)) return [{ ...ended, mirrored: first ?? now.toISOString() }];
    if (failure !== undefined) {
      const text = failure.slice(0, MAX_FAILURE_CHARACTERS);
      // The pause begins with the failure, because an image may take hours.
      return [{ ...ended, asked: now.toISOString(), failure: text, failures: (image.failures ?? 0) + 1 }];
    }
    if (!dropped.has(reference)) return [image];
    return first === undefined ? [] : [ended];
  });
}

/**
 * Ends the claims of instances that ended without a word.
 * @param ended these instances
 * @param isStored whether the bucket has the tag or the manifest of a reference
 */
export function adoptImages(
  images: readonly DemandedImage[],
  ended: ReadonlySet<string>,
  isStored: (reference: string) => boolean,
  now: Date,
): readonly DemandedImage[] {
  return images.map(({ instance, mirrored, ...image }) => {
    if (instance === undefined || !ended.has(instance)) return Object.assign({ instance, mirrored }, image);
    const first = mirrored ?? (isStored(image.reference) ? now.toISOString() : undefined);
    return Object.assign({ mirrored: first }, image);
  });
}

/** @returns the instances that have claims */
export function instancesIn(images: readonly DemandedImage[]): ReadonlySet<string> {
  return new Set(images.map(({ instance }) => instance).filter((instance) => instance !== undefined));
}

/** @returns the references that each run mirrors again */
export function mirroredReferences(images: readonly DemandedImage[]): readonly string[] {
  return images.flatMap(({ reference, mirrored }) => (mirrored === undefined ? [] : [reference]));
}

export function encodeDemanded(images: readonly DemandedImage[]): Uint8Array<ArrayBuffer> {
  return encodeJson({
    version: VERSION,
    images: images
      .toSorted((one, other) => (one.reference < other.reference ? -1 : 1))
      .map(({ reference, asked, mirrored, instance, failure, failures }) => ({
        reference,
        asked,
        mirrored,
        instance,
        failure,
        failures,
      })),
  });
}

/** @throws {BucketObjectInvalidError} */
export function decodeDemanded(key: string, bytes: Uint8Array): DemandedImage[] {
  const { version, images } = parseObjectAt(key, bytes);
  if (version !== VERSION) {
    throw new BucketObjectInvalidError(key, 'its version is not that of this release. Use a newer release.');
  }
  if (!Array.isArray(images)) throw new BucketObjectInvalidError(key, 'it has no list of images.');
  return images.map((value: unknown, index) => {
    const { reference, asked, mirrored, instance, failure, failures } = isObject(value) ? value : {};
    if (typeof reference !== 'string' || !isTime(asked) || (mirrored !== undefined && !isTime(mirrored))) {
      throw new BucketObjectInvalidError(key, `images[${index}] has no reference, or a time that is none.`);
    }
    return {
      reference,
      asked,
      mirrored,
      instance: typeof instance === 'string' ? instance : undefined,
      failure: typeof failure === 'string' ? failure : undefined,
      failures: typeof failures === 'number' ? failures : undefined,
    };
  });
}

function isLeftAlone(image: DemandedImage | undefined, now: Date): boolean {
  if (image?.failure === undefined) return false;
  const pauseMs = Math.min(RETRY_MS * 2 ** ((image.failures ?? 1) - 1), DAY_MS);
  return isWithin(image.asked, pauseMs, now);
}

function isRemembered({ mirrored, instance, asked }: DemandedImage, now: Date): boolean {
  return mirrored !== undefined || instance !== undefined || isWithin(asked, REMEMBERED_MS, now);
}

function isDigest(reference: string): boolean {
  return reference.includes('@');
}

/** The part of a reference before its tag or digest. */
function repositoryOf(reference: string): string {
  return reference.replace(/(?:@.*|:[^/:@]*)$/, '');
}

function isWithin(time: string, durationMs: number, now: Date): boolean {
  return now.getTime() - Date.parse(time) < durationMs;
}
