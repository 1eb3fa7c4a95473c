/**
 * What clients have asked the edge for and the bucket lacked: the content of `state/<name>/demanded.json`, and its changes. Each
 * run mirrors the images that were mirrored once, so that their tags stay fresh. Pure.
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../core/bucket-object.ts';
import { encodeJson, isObject } from '../../core/json.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** An image that was begun is not begun again for this time, whoever asks. An instance that died has lost it after that. */
const UNDERWAY_MS = 15 * MINUTE_MS;
/** How long an image that could not be mirrored is left alone. */
const RETRY_MS = 15 * MINUTE_MS;
/** How long the list remembers an image that was not mirrored. */
const REMEMBERED_MS = DAY_MS;

/** An isolate must not be asked to hold more of them. */
const MAX_UNDERWAY = 50;
/** Bounds what clients who ask for made-up names cost the upstreams. */
const MAX_A_DAY = 500;
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
  /** Whether it was begun, and has not ended yet. */
  readonly isUnderway: boolean;
  /** Why the last attempt failed: a sentence. */
  readonly failure?: string | undefined;
}

/** What becomes of references that clients have asked for. */
export interface Claim {
  readonly images: readonly DemandedImage[];
  /** To be mirrored now. */
  readonly claimed: readonly string[];
  /** To be asked for again later, because too many are under way. */
  readonly waiting: readonly string[];
  /** Refused until somebody changes something, or until the next day: sentences. */
  readonly refusals: readonly string[];
}

/** @param references that the bucket lacks and the configuration allows */
export function claimImages(
  images: readonly DemandedImage[],
  references: readonly string[],
  now: Date,
): Claim {
  const remembered = images.filter((image) => isRemembered(image, now));
  const known = new Map(remembered.map((image) => [image.reference, image]));
  const claimed: string[] = [];
  const waiting: string[] = [];
  const refusals: string[] = [];
  let underway = remembered.filter((image) => isUnderway(image, now)).length;
  let today = remembered.filter(({ asked }) => isWithin(asked, DAY_MS, now)).length;
  const mirrored = mirroredReferences(remembered).length;
  for (const reference of new Set(references)) {
    const before = known.get(reference);
    if (before !== undefined && (isUnderway(before, now) || isLeftAlone(before, now))) continue;
    if (before?.mirrored === undefined && mirrored + underway >= MAX_MIRRORED) {
      refusals.push(
        `${reference} is not mirrored on demand, because ${MAX_MIRRORED} images are, the most that each run keeps fresh. List what you need under images, and take it out of demanded.json.`,
      );
    } else if (today >= MAX_A_DAY) {
      refusals.push(
        `${reference} is not mirrored on demand, because clients have asked for ${MAX_A_DAY} images within a day, the most that are begun. It is mirrored when a client asks tomorrow, or when you list it under images.`,
      );
    } else if (underway >= MAX_UNDERWAY) {
      waiting.push(reference);
    } else {
      const asked = now.toISOString();
      known.set(reference, { reference, asked, mirrored: before?.mirrored, isUnderway: true });
      claimed.push(reference);
      underway += 1;
      if (before === undefined || !isWithin(before.asked, DAY_MS, now)) today += 1;
    }
  }
  return { images: [...known.values()], claimed, waiting, refusals };
}

/** What became of references that were claimed. */
export interface Settlement {
  readonly mirrored: readonly string[];
  /** By reference: a sentence. */
  readonly failures: Readonly<Record<string, string>>;
  /** Those that nothing has to be done for, such as a digest that a tag has brought. The list forgets them. */
  readonly forgotten: readonly string[];
}

export function settleImages(
  images: readonly DemandedImage[],
  { mirrored, failures, forgotten }: Settlement,
  now: Date,
): readonly DemandedImage[] {
  const time = now.toISOString();
  const known = new Map(images.map((image) => [image.reference, image]));
  for (const reference of mirrored) {
    const before = known.get(reference);
    const first = before?.mirrored ?? time;
    known.set(reference, { reference, asked: before?.asked ?? time, mirrored: first, isUnderway: false });
  }
  for (const [reference, failure] of Object.entries(failures)) {
    const before = known.get(reference);
    known.set(reference, {
      reference,
      asked: before?.asked ?? time,
      mirrored: before?.mirrored,
      isUnderway: false,
      failure: failure.slice(0, MAX_FAILURE_CHARACTERS),
    });
  }
  for (const reference of forgotten) {
    const before = known.get(reference);
    if (before?.mirrored === undefined) known.delete(reference);
    else known.set(reference, { ...before, isUnderway: false });
  }
  return [...known.values()];
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
      .map(({ reference, asked, mirrored, isUnderway: underway, failure }) => ({
        reference,
        asked,
        mirrored,
        underway: underway || undefined,
        failure,
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
    const { reference, asked, mirrored, underway, failure } = isObject(value) ? value : {};
    if (typeof reference !== 'string' || !isTime(asked) || (mirrored !== undefined && !isTime(mirrored))) {
      throw new BucketObjectInvalidError(key, `images[${index}] has no reference, or a time that is none.`);
    }
    return {
      reference,
      asked,
      mirrored,
      isUnderway: underway === true,
      failure: typeof failure === 'string' ? failure : undefined,
    };
  });
}

function isUnderway({ isUnderway: is, asked }: DemandedImage, now: Date): boolean {
  return is && isWithin(asked, UNDERWAY_MS, now);
}

function isLeftAlone({ failure, asked }: DemandedImage, now: Date): boolean {
  return failure !== undefined && isWithin(asked, RETRY_MS, now);
}

function isRemembered({ mirrored, asked }: DemandedImage, now: Date): boolean {
  return mirrored !== undefined || isWithin(asked, REMEMBERED_MS, now);
}

function isWithin(time: string, durationMs: number, now: Date): boolean {
  return now.getTime() - Date.parse(time) < durationMs;
}
