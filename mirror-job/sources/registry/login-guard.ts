/**
 * What is known of one login: whether it was accepted anywhere, and where it was refused. A wrong password that is sent with
 * each request locks its account; a good one may be refused in one repository and read the next. So a login goes out alone
 * until it has been accepted once, and after a few refusals it is asked whether it is good for anything.
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

export class LoginGuard {
  readonly #host: string;
  readonly #credential: Credential;
  readonly #remedy: string;
  #isAccepted = false;
  #isWrong = false;
  /** By place: what a token is for, or a repository. Undefined where nothing follows for the place itself. */
  readonly #denied = new Map<string, Denial | undefined>();
  /** What the others wait for; it fails only where nobody answered. */
  #trial: Promise<void> | undefined;

  /** @param remedy the advice for a refused credential, with a space before it */
  constructor(host: string, credential: Credential, remedy: string) {
    this.#host = host;
    this.#credential = credential;
    this.#remedy = remedy;
  }

  /** Not for one that was renewed: what is known of the old one says nothing of it. */
  isOf(credential: Credential): boolean {
    return secretOf(credential) === secretOf(this.#credential);
  }

  accept(): void {
    this.#isAccepted = true;
  }

  /** @param denial left out: it may have been refused, and the same place may be asked again */
  deny(space: string, denial?: Denial): void {
    this.#denied.set(space, denial);
  }

  /**
   * Sends it to one place, if that can help.
   * @param send is to say what came of it, by `accept` or `deny`
   * @param isWrong asks whether the login is refused everywhere; undefined where that cannot be told now
   * @throws {CredentialRefusedError} where it was refused already; and what `send` throws
   * @throws {ConnectionError} where nobody answered the one that went before
   */
  async attempt<Result>(
    space: string,
    send: () => Promise<Result>,
    isWrong: () => Promise<boolean | undefined>,
  ): Promise<Result> {
    for (;;) {
      this.#refuse(space);
      if (this.#isAccepted) return send();
      if (this.#trial === undefined) break;
      await this.#trial;
    }
    const trial = this.#try(send, isWrong);
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
    send: () => Promise<Result>,
    isWrong: () => Promise<boolean | undefined>,
  ): Promise<Result> {
    if (this.#denied.size < MAX_DENIED) return send();
    const told = await isWrong();
    // Where it is not told, it goes on alone: once a place at most.
    if (told === undefined) return send();
    this.#isWrong = told;
    if (told) throw this.#refusal();
    this.#isAccepted = true;
    return send();
  }

  #refuse(space: string): void {
    const denial = this.#denied.get(space);
    if (denial !== undefined && (denial.isFinal || !this.#isAccepted)) throw denial.error;
    if (this.#isWrong) throw this.#refusal();
  }

  #refusal(): CredentialRefusedError {
    return new CredentialRefusedError(
      `${this.#host} refuses the credentials ${this.#credential.from} everywhere; they are not sent again in this run.${this.#remedy}`,
    );
  }
}

function secretOf(credential: Credential): string {
  return 'password' in credential
    ? `${credential.username}\n${credential.password}`
    : credential.identityToken;
}
