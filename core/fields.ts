/**
 * Reads the fields of a JSON object of the bucket, one by one. A field that is not understood is refused, in a sentence that
 * says where it is. Texts are cleaned and cut when they are written, so that an object has a bound, and when they are read,
 * because pages and terminals show them, and anybody who can write to the bucket can write anything.
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from './bucket-object.ts';
import { isDigest, type Digest } from './digest.ts';
import { isObject, type JsonObject } from './json.ts';
import { withoutUnprintable } from './printable.ts';
import { isTag, NameInvalidError, parseRepository, type Repository, type Tag } from './reference.ts';

/** Longer texts are cut, in UTF-16 units. */
const MAX_TEXT_LENGTH = 300;

/** Removes unprintable characters, and cuts a text that is too long. */
export function shownText(text: string, maxLength = MAX_TEXT_LENGTH): string {
  const clean = withoutUnprintable(text);
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength - 1).toWellFormed()}…`;
}

function shown(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? shownText(value) : value;
}

/** Writes JSON in which every text is cleaned and cut, as `Fields` reads it. */
export function encodeShown(value: object): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(JSON.stringify(value, shown)));
}

/** One object within an object of the bucket. Each method throws a BucketObjectInvalidError. */
export class Fields {
  readonly #key: string;
  /** Before the name of a field in messages: `runs[3].`; empty for the whole object. */
  readonly #where: string;
  readonly #object: JsonObject;

  private constructor(key: string, where: string, object: JsonObject) {
    this.#key = key;
    this.#where = where;
    this.#object = object;
  }

  /** @param version the one that this release understands; undefined for an object without a version */
  static parse(key: string, bytes: Uint8Array, version: number | undefined): Fields {
    const object = parseObjectAt(key, bytes);
    if (object['version'] !== version) {
      throw new BucketObjectInvalidError(
        key,
        'its version is not that of this release. Use a newer release.',
      );
    }
    return new Fields(key, '', object);
  }

  /** @param maxLength longer texts are cut, in UTF-16 units */
  text(name: string, maxLength?: number): string {
    const value = this.#object[name];
    if (typeof value !== 'string') throw this.#refusal(name, 'is not a text');
    return shownText(value, maxLength);
  }

  flag(name: string): boolean {
    const value = this.#object[name];
    if (typeof value !== 'boolean') throw this.#refusal(name, 'is neither true nor false');
    return value;
  }

  /** A number of things, or of bytes. */
  count(name: string): number {
    const value = this.#object[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.#refusal(name, 'is not a count');
    }
    return value;
  }

  time(name: string): string {
    const value = this.#object[name];
    if (!isTime(value)) throw this.#refusal(name, 'is not a time');
    return value;
  }

  digest(name: string): Digest {
    const value = this.#object[name];
    if (typeof value !== 'string' || !isDigest(value)) throw this.#refusal(name, 'is not a digest');
    return value;
  }

  tag(name: string): Tag {
    const value = this.#object[name];
    if (typeof value !== 'string' || !isTag(value)) throw this.#refusal(name, 'is not a tag');
    return value;
  }

  /** A name in its normalised form alone, because the layout has no other. */
  repository(name: string): Repository {
    const value = this.#object[name];
    const repository = typeof value === 'string' ? normalised(value) : undefined;
    if (repository === undefined) throw this.#refusal(name, 'is not the full name of a repository');
    return repository;
  }

  /** @returns an object with that field; an empty one if there is no such field */
  optional<Name extends string, Value>(
    name: Name,
    read: (name: Name) => Value,
  ): Readonly<Partial<Record<Name, Value>>> {
    const found: { [Key in Name]?: Value } = {};
    if (this.#object[name] !== undefined) found[name] = read(name);
    return found;
  }

  object(name: string): Fields {
    const value = this.#object[name];
    if (!isObject(value)) throw this.#refusal(name, 'is not an object');
    return new Fields(this.#key, `${this.#where}${name}.`, value);
  }

  /** @param max the most items that the list may have */
  list<Item>(name: string, max: number, read: (item: Fields) => Item): Item[] {
    return this.#items(name, max).map((value, index) => {
      const item = `${name}[${index}]`;
      if (!isObject(value)) throw this.#refusal(item, 'is not an object');
      return read(new Fields(this.#key, `${this.#where}${item}.`, value));
    });
  }

  texts(name: string, max: number): string[] {
    return this.#items(name, max).map((value, index) => {
      if (typeof value !== 'string') throw this.#refusal(`${name}[${index}]`, 'is not a text');
      return shownText(value);
    });
  }

  #items(name: string, max: number): unknown[] {
    const value = this.#object[name];
    if (!Array.isArray(value)) throw this.#refusal(name, 'is not a list');
    if (value.length > max) throw this.#refusal(name, `has more than ${max} items`);
    return value;
  }

  #refusal(name: string, what: string): BucketObjectInvalidError {
    return new BucketObjectInvalidError(this.#key, `"${this.#where}${name}" ${what}.`);
  }
}

function normalised(name: string): Repository | undefined {
  try {
    const repository = parseRepository(name);
    return repository === name ? repository : undefined;
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}
