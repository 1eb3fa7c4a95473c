/** Sends no more manifest GETs than the account's quota and the run's budget allow, and notes what responses say is left. */
import type { AuthSession } from '../auth/auth-session.ts';
import type { Budget } from '../pace/budget.ts';
import type { HttpResponse } from '../http-client.ts';
import type { AccountRequest, Layer, Next } from '../layer.ts';
import { QuotaReachedError } from '../pace/quota-reached-error.ts';
import { kindOf } from '../registry-request.ts';

/** @throws {QuotaReachedError} when the request's account is to send no further manifest GET */
export function spendQuota(budget: Pick<Budget, 'isUnknown' | 'spend' | 'note'>): Layer<AccountRequest> {
  /** By account: what is left of its quota is asked for once, by a HEAD, which costs nothing. */
  const probes = new Map<AuthSession, Promise<void>>();
  const probe = async (request: AccountRequest, next: Next<AccountRequest>): Promise<void> => {
    const response = await next({ ...request, method: 'HEAD' });
    budget.note(request.session, response.headers);
    response.discard();
  };
  return async (request, next) => {
    const { session } = request;
    // An anonymous request comes out of nobody's account.
    if (request.anonymous === true) return next(request);
    if (kindOf(request) !== 'manifestGets') {
      const response = await next(request);
      const isManifestHead = request.method === 'HEAD' && request.resource.startsWith('manifests/');
      if (isManifestHead) budget.note(session, response.headers);
      return response;
    }
    if (budget.isUnknown(session)) {
      const running = probes.get(session);
      if (running !== undefined) await running;
      else {
        const own = probe(request, next);
        probes.set(session, own);
        try {
          await own;
        } finally {
          probes.delete(session);
        }
      }
    }
    const spending = budget.spend(session);
    if (spending === undefined) throw new QuotaReachedError('No further manifest GET is allowed.');
    let response: HttpResponse | undefined;
    try {
      response = await next(request);
      return response;
    } finally {
      spending.end(response?.headers);
    }
  };
}
