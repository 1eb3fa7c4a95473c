/**
 * The scopes of token requests: at first, to pull from the repository; later, also the scopes that a refusal names. Azure wants
 * `metadata_read` for a list of tags.
 * https://distribution.github.io/distribution/spec/auth/scope/
 */
import type { ProtectionSpace } from '../registry-request.ts';

/** No registry names this many. There is a limit because the URL of a token request holds all of them. */
const MAX_SCOPES = 8;

export class Scopes {
  /** By protection space: the scopes that refusals named, the newest first. */
  readonly #extra = new Map<string, readonly string[]>();

  /** The scopes that the registry named last stand first, because some realms look at the first one only. */
  of({ path, name }: ProtectionSpace): readonly string[] {
    const pull = `repository:${path}:pull`;
    const extra = this.#extra.get(name) ?? [];
    return extra.includes(pull) ? extra : [...extra, pull];
  }

  /**
   * Takes note of the scopes that a refusal names.
   * @param scope of the challenge: one or several, with spaces between them
   * @returns whether one of them was not asked for yet
   */
  widen(space: ProtectionSpace, scope: string | undefined): boolean {
    const current = this.of(space);
    const scopes = (scope ?? '').split(/\s+/).map(readingPart);
    const fresh = [...new Set(scopes)].filter((one) => one !== '' && !current.includes(one));
    if (fresh.length === 0 || fresh.length + current.length > MAX_SCOPES) return false;
    this.#extra.set(space.name, [...fresh, ...current]);
    return true;
  }
}

/** A scope without the actions that write, because a mirror never needs them. */
function readingPart(scope: string): string {
  const end = scope.lastIndexOf(':') + 1;
  if (end === 0) return scope;
  const actions = scope.slice(end).split(',');
  const reading = actions.filter((action) => !/^(?:\*|push|delete)$|write|delete/.test(action));
  return reading.length === 0 ? '' : `${scope.slice(0, end)}${reading.join()}`;
}
