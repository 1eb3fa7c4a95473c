/**
 * What is known of an account's login: whether it was accepted anywhere, and where it was refused. A wrong password that is
 * sent with each request locks its account; a good one may be refused in one repository and read the next. So a login goes
 * out alone until it has been accepted once, and after a few refusals it is asked whether it is good for anything.
 */
import { ConnectionError } from './connection-error.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import type { Credential } from './registry-options.ts';

/** Refusals after which it is asked, in so many places. */
const MAX_DENIED = 3;

interface Denial {
  readonly error: CredentialRefusedError;
  /** Holds also once the login was accepted elsewhere. */
  readonly isFinal: boolean;
}

export class Login {
  readonly #host: string;
  /** Which login all this is about. */
  #secret: string | undefined;
  #isAccepted = false;
  #isWrong = false;
  /** By place: what a token is for, or a repository. */
  readonly #denied = new Map<string, Denial>();
  /** What the others wait for; it fails only where nobody answered. */
  #trial: Promise<void> | undefined;

  constructor(host: string) {
    this.#host = host;
  }

  accept(): void {
    this.#isAccepted = true;
  }

  deny(place: string, denial: Denial): void {
    this.#denied.set(place, denial);
  }

  /**
   * Sends a login to one place, if that can help.
   * @param send is to say what came of it, by `accept` or `deny`
   * @param isWrong asks whether the login is refused everywhere
   * @throws {CredentialRefusedError} where it was refused already; and what `send` throws
   * @throws {ConnectionError} where nobody answered the one that went before
   */
  async attempt<Result>(
    credential: Credential,
    place: string,
    send: () => Promise<Result>,
    isWrong: () => Promise<boolean>,
  ): Promise<Result> {
    this.#use(credential);
    for (;;) {
      this.#refuse(place, credential);
      if (this.#isAccepted) return send();
      if (this.#trial === undefined) break;
      await this.#trial;
    }
    const trial = this.#try(credential, send, isWrong);
    this.#trial = trial.then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof ConnectionError) throw error;
      },
    );
    this.#trial.catch(() => undefined);
    try {
      return await trial;
    } finally {
      this.#trial = undefined;
    }
  }

  async #try<Result>(
    credential: Credential,
    send: () => Promise<Result>,
    isWrong: () => Promise<boolean>,
  ): Promise<Result> {
    if (this.#denied.size < MAX_DENIED) return send();
    this.#isWrong = await isWrong();
    if (this.#isWrong) throw this.#refusal(credential);
    this.#isAccepted = true;
    return send();
  }

  #refuse(place: string, credential: Credential): void {
    const denial = this.#denied.get(place);
    if (denial !== undefined && (denial.isFinal || !this.#isAccepted)) throw denial.error;
    if (this.#isWrong) throw this.#refusal(credential);
  }

  #refusal({ from }: Credential): CredentialRefusedError {
    return new CredentialRefusedError(
      `${this.#host} refuses the credentials ${from} everywhere; they are not sent again in this run.`,
    );
  }

  /** A renewed one begins anew. */
  #use(credential: Credential): void {
    const secret =
      'password' in credential ? `${credential.username}\n${credential.password}` : credential.identityToken;
    if (secret === this.#secret) return;
    this.#secret = secret;
    this.#isAccepted = false;
    this.#isWrong = false;
    this.#denied.clear();
  }
}
