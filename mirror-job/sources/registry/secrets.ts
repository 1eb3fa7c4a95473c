/** What was sent as a secret. Some registries repeat it in their error's message, which is shown to people. */
import { toBase64 } from '../../../core/base64.ts';
import type { Password } from './registry-options.ts';

export class Secrets {
  readonly #known = new Set<string>();

  /** @returns the secret itself, so that it can be noted where it is used */
  add(secret: string): string {
    // An empty text is found between any two letters.
    if (secret !== '') this.#known.add(secret);
    return secret;
  }

  /** A password's header. https://www.rfc-editor.org/rfc/rfc7617 */
  basic({ username, password }: Password): string {
    this.add(password);
    return `Basic ${this.add(toBase64(new TextEncoder().encode(`${username}:${password}`)))}`;
  }

  /** The text with each of them replaced. */
  hide(text: string): string {
    // The longest first: a shorter one may be a part of it.
    const longestFirst = [...this.#known].toSorted((a, b) => b.length - a.length);
    return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
  }
}
