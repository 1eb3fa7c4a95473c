/**
 * Which tokens a registry has refused. A token that was refused is replaced once: where the new one is refused too, the refusal
 * is about what was asked for. Some registries answer 401 to what they do not have, and each such name would otherwise cost a
 * token, and so would the request after it.
 */
import type { Clock } from '../engine/environment.ts';

/**
 * Seconds. By the specification, a token that does not say how long it lives does so for 60 seconds, and none for less. One that
 * said so would be asked for with each request.
 */
export const SHORTEST_LIFETIME = 60;

export class TokenRefusals {
  readonly #clock: Pick<Clock, 'now'>;
  /** By the set of scopes: the header that was answered with 401, whatever its lifetime said. */
  readonly #refused = new Map<string, string>();
  /** By the same: a header that was asked for to answer a 401, and was answered with 401 too. */
  readonly #inVain = new Map<string, { readonly header: string; readonly until: number }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * Takes note of a 401.
   * @param key the set of scopes
   * @param header the token that was refused
   * @param isAnswer whether it was asked for to answer an earlier refusal of this very request
   * @returns whether another token would be refused too
   */
  isInVain(key: string, header: string, isAnswer: boolean): boolean {
    const now = this.#clock.now().getTime();
    if (isAnswer) this.#inVain.set(key, { header, until: now + SHORTEST_LIFETIME * 1000 });
    const known = this.#inVain.get(key);
    if (known?.header === header && now < known.until) return true;
    this.#refused.set(key, header);
    return false;
  }

  /** Whether it has to be replaced. */
  isRefused(key: string, header: string): boolean {
    return this.#refused.get(key) === header;
  }

  /** The realm gives it again: it is good, and what was refused is something else. */
  forget(key: string, header: string): void {
    if (this.isRefused(key, header)) this.#refused.delete(key);
  }
}
