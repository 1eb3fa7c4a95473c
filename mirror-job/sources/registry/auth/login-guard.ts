/**
 * Guards one login against lock-out. A wrong password that is sent with each request locks its account, but a good password may
 * be refused for one repository and accepted for the next. So requests with a login are sent one at a time until it is accepted
 * once. After a few refusals, the registry is asked whether it refuses the login everywhere.
 */
import { ConnectionError } from '../response/connection-error.ts';
import { CredentialRefusedError } from './credential-refused-error.ts';
import type { Credential } from '../registry-options.ts';

/** The registry is asked after refusals in this many protection spaces. */
const REFUSALS_TO_ASK = 3;

interface Denial {
  readonly error: CredentialRefusedError;
  /** Whether the denial stays valid after the login is accepted elsewhere. */
  readonly isFinal: boolean;
}

export class LoginGuard {
  readonly #host: string;
  readonly #credential: Credential;
  readonly #remedy: string;
  #isAccepted = false;
  #isWrong = false;
  /** By protection space or set of scopes. Undefined when the same space may be tried again. */
  readonly #denials = new Map<string, Denial | undefined>();
  /** The attempt for which all others wait. It rejects only when the connection fails. */
  #trial: Promise<void> | undefined;

  /** @param remedy the advice for a refused credential, with a space before it */
  constructor(host: string, credential: Credential, remedy: string) {
    this.#host = host;
    this.#credential = credential;
    this.#remedy = remedy;
  }

  /** False for a credential that was renewed, because the outcomes of the old one say nothing about it. */
  isOf(credential: Credential): boolean {
    return secretOf(credential) === secretOf(this.#credential);
  }

  accept(): void {
    this.#isAccepted = true;
  }

  /** @param denial left out when the login may have been refused: then the same space may be tried again */
  deny(space: string, denial?: Denial): void {
    this.#denials.set(space, denial);
  }

  /**
   * Sends the login to one protection space, if that can help.
   * @param send sends it, and calls `accept` or `deny`
   * @param isWrong asks whether the login is refused everywhere; undefined when that cannot be told now
   * @throws {CredentialRefusedError} when it was refused already; and what `send` throws
   * @throws {ConnectionError} when the attempt before this one failed to connect
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
    if (this.#denials.size < REFUSALS_TO_ASK) return send();
    const isRefusedEverywhere = await isWrong();
    // Without an answer, requests with the login stay one at a time, and at most one per space.
    if (isRefusedEverywhere === undefined) return send();
    this.#isWrong = isRefusedEverywhere;
    if (isRefusedEverywhere) throw this.#refusal();
    this.#isAccepted = true;
    return send();
  }

  #refuse(space: string): void {
    const denial = this.#denials.get(space);
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
