/** Sends a request with the account whose turn it is, and again with the next account where that can help. */
import { formatUpstream, type Upstream } from '../../../../core/reference.ts';
import type { Log } from '../../../engine/runtime.ts';
import { SkippedError } from '../../../engine/support/skipped-error.ts';
import { AccountOutOfQuotaError } from '../pace/account-out-of-quota-error.ts';
import type { Accounts } from '../auth/accounts.ts';
import type { AuthSession } from '../auth/auth-session.ts';
import type { Budget } from '../pace/budget.ts';
import { CredentialRefusedError } from '../auth/credential-refused-error.ts';
import type { AccountRequest, Next } from '../layer.ts';
import { QuotaReachedError } from '../pace/quota-reached-error.ts';
import { redirectedTo } from '../response/redirected-response.ts';

interface SwitchAccountsOptions {
  readonly upstream: Upstream;
  readonly accounts: Accounts;
  /** Asks without a credential. */
  readonly anonymous: Accounts;
  readonly budget: Pick<Budget, 'exhaust'>;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * @param next the layers below: they get the request with its account
 * @throws {SkippedError} when no account has any quota left, or when the only account that may read has none
 * @throws {CredentialRefusedError} of the last account
 */
export function switchAccounts(options: SwitchAccountsOptions, next: Next<AccountRequest>): Next {
  const { upstream, budget, log } = options;
  return async (request) => {
    const { path } = request;
    const accounts = request.anonymous === true ? options.anonymous : options.accounts;
    // Some registries refuse every HEAD: the GET that follows decides which account may read.
    const refusedHeads = request.method === 'HEAD' ? new Set<AuthSession>() : undefined;
    for (;;) {
      const session = accounts.turn(path, refusedHeads);
      try {
        const response = await next({
          ...request,
          session,
          authorization: undefined,
          redirectedTo: undefined,
        });
        // A refusal by the storage says nothing about the account.
        if (redirectedTo(response) !== undefined && response.status >= 400) return response;
        if (response.status === 404 && accounts.isSubstitute(path, session)) {
          response.discard();
          throw new AccountOutOfQuotaError(
            `${formatUpstream(upstream)}/${path}: the account that may read this repository has used up its quota, and the registry answers 404 to another account.`,
          );
        }
        if (!accounts.passOn(path, session, response.status, refusedHeads)) return response;
        response.discard();
      } catch (error) {
        if (error instanceof QuotaReachedError) {
          if (accounts.passOn(path, session, 429)) continue;
          throw new SkippedError(budget.exhaust(session, options.accounts.all));
        }
        if (!(error instanceof CredentialRefusedError)) throw error;
        if (!accounts.passOn(path, session, 401)) throw error;
        if (accounts.isNews(session)) {
          log.warn(`${error.message} Another account of this upstream is used instead.`);
        }
      }
    }
  };
}
