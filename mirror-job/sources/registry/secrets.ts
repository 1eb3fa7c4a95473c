/**
 * The secrets that were sent. Some registries repeat a secret in the message of an error, which people see, so each secret is
 * hidden there.
 */
import { toBase64 } from '../../../core/base64.ts';
import type { Password } from './registry-options.ts';

export class Secrets {
  readonly #secrets = new Set<string>();

  /** @returns the secret itself, so that it can be added where it is used */
  add(secret: string): string {
    // An empty text would be found between any two letters.
    if (secret !== '') this.#secrets.add(secret);
    return secret;
  }

  /** The header of a password, which is added. https://www.rfc-editor.org/rfc/rfc7617 */
  basic({ username, password }: Password): string {
    this.add(password);
    return `Basic ${this.add(toBase64(new TextEncoder().encode(`${username}:${password}`)))}`;
  }

  /** The text with each of them replaced. */
  hide(text: string): string {
    // The longest secret comes first, because a shorter one may be a part of it.
    const longestFirst = [...this.#secrets].toSorted((a, b) => b.length - a.length);
    return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
  }
}
