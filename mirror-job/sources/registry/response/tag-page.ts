/**
 * Reads a page of a list of tags. A response that is no such page must not count as an empty page: the job would believe that
 * the missing tags are gone, and that an older tag is the newest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
import { TooManyValuesError, isObject, parseJson } from '../../../../core/json.ts';
import { isTag, type Tag } from '../../../../core/reference.ts';
import { countOf } from '../../../engine/support/count-of.ts';
import { SourceError, TooLongError } from '../../../engine/source.ts';
import type { HttpResponse } from '../http-client.ts';
import { encodingNote } from './content-encoding.ts';

/** The advice for a list that cannot be read, with a space before it. */
export const NAME_TAGS = ' Name the tags that you want instead of patterns: that needs no list.';

const MAX_SHOWN = 3;

/**
 * A page of 200,000 tags, with as many of gcr.io's entries about manifests as fit into 16 MiB, has two thirds of this
 * (docs/decisions/0109-bounded-values.md).
 */
const MAX_VALUES = 1_000_000;

export interface TagPage {
  readonly tags: readonly Tag[];
  /** The names in the page that are no valid tags, so that no client could pull them. */
  readonly others: readonly string[];
}

/**
 * @param name the repository's name for messages
 * @param limit the most names
 * @throws {TooLongError} and {SourceError}
 */
export function readTagPage(
  name: string,
  response: HttpResponse,
  bytes: Uint8Array | undefined,
  limit: number,
): TagPage | 'too many' {
  let page: unknown;
  try {
    page = parseJson(bytes ?? new Uint8Array(), MAX_VALUES);
  } catch (error) {
    if (error instanceof TooManyValuesError) {
      throw new TooLongError(
        `${name}: tags/list: a page has more than ${MAX_VALUES} values, which is the most that Lifeboat reads.`,
        MAX_VALUES,
        'values',
      );
    }
    throw new SourceError(
      `${name}: tags/list: the answer is not JSON.${encodingNote(response)}${NAME_TAGS}`,
      {
        cause: error,
      },
    );
  }
  const refuse = (more: string): SourceError =>
    new SourceError(`${name}: the answer is not a list of tags${more}.${NAME_TAGS}`);
  if (!isObject(page)) throw refuse('');
  const { errors, tags: names } = page;
  if (errors !== undefined && errors !== null) throw refuse(`, but an error${codeOf(errors)}`);
  // Registries written in Go send null for an empty list.
  if (names === null) return { tags: [], others: [] };
  if (!Array.isArray(names)) throw refuse('');
  if (names.length > limit) return 'too many';
  const tags: Tag[] = [];
  const others: string[] = [];
  for (const tag of names) {
    if (typeof tag !== 'string') throw refuse('');
    if (isTag(tag)) tags.push(tag);
    else others.push(tag);
  }
  return { tags, others };
}

/** The names in a whole list that are no valid tags. Only the first few are stored, because there may be millions. */
export class OtherNames {
  readonly #shown: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(name: string): void {
    this.#count += 1;
    if (this.#count <= MAX_SHOWN) this.#shown.push(JSON.stringify(name.slice(0, 150)));
  }

  /** @param repository its name in messages */
  sentence(repository: string): string {
    const more = this.#count > MAX_SHOWN ? [`and ${this.#count - MAX_SHOWN} more`] : [];
    const are = this.#count === 1 ? 'is not a valid tag' : 'are not valid tags';
    const left = this.#count === 1 ? 'It is' : 'They are';
    return `${repository} lists ${countOf(this.#count, 'name')} that ${are}, which no client can pull. ${left} left out: ${[...this.#shown, ...more].join(', ')}.`;
  }
}

function codeOf(errors: unknown): string {
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const code = isObject(first) ? first['code'] : undefined;
  return typeof code === 'string' && /^\w{1,50}$/.test(code) ? ` (${code})` : '';
}
