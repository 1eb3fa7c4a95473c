/**
 * The tokens that a registry has refused. A refused token is replaced once. If the new one is refused too, the reason
 * is the resource and not the token. Some registries answer 401 for names that do not exist: without this, each such
 * name would cost a token, and so would the request after it.
 */
import type { Clock } from '../../../engine/runtime.ts';

/**
 * By the specification, a token lives for 60 seconds if it does not tell its lifetime, and no token lives for
 * less. A token with a shorter lifetime would be replaced for each request.
 */
export const SHORTEST_LIFETIME_SECONDS = 60;

export class TokenRefusals {
  readonly #clock: Pick<Clock, 'now'>;
  /** By the set of scopes: the header that was answered with 401, whatever its lifetime. */
  readonly #refusedHeaders = new Map<string, string>();
  /** By the set of scopes: a header that was fetched to answer a 401, and was answered with 401 too. */
  readonly #vainHeaders = new Map<string, { readonly header: string; readonly untilMs: number }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * Takes note of a 401.
   * @param key the set of scopes
   * @param header the token that was refused
   * @param isAnswer whether that token was fetched to answer an earlier refusal of this very request
   * @returns whether another token would be refused too
   */
  isInVain(key: string, header: string, isAnswer: boolean): boolean {
    const now = this.#clock.now().getTime();
    if (isAnswer) this.#vainHeaders.set(key, { header, untilMs: now + SHORTEST_LIFETIME_SECONDS * 1000 });
    const previous = this.#vainHeaders.get(key);
    if (previous?.header === header && now < previous.untilMs) return true;
    this.#refusedHeaders.set(key, header);
    return false;
  }

  /** Whether the token has to be replaced. */
  isRefused(key: string, header: string): boolean {
    return this.#refusedHeaders.get(key) === header;
  }

  /** Called when the realm issues the same token again: the token is good, and the refusal has another reason. */
  forget(key: string, header: string): void {
    if (this.isRefused(key, header)) this.#refusedHeaders.delete(key);
  }
}
