/**
 * The way of a request to a registry, and the one place for the order of its steps: a request goes down this list, and its
 * response comes back up. Each layer can answer, fail, wait, or call the layers below it several times.
 * docs/bad-upstreams.md describes what comes of it when a registry misbehaves.
 */
import type { Upstream } from '../../../core/reference.ts';
import type { RequestCounts, SourceError } from '../../engine/source.ts';
import type { ServerClock } from '../../engine/support/server-clock.ts';
import type { Accounts } from './auth/accounts.ts';
import { createBackoffs } from './pace/backoff.ts';
import type { Budget } from './pace/budget.ts';
import { CircuitBreaker } from './pace/circuit-breaker.ts';
import type { HttpResponse } from './http-client.ts';
import { compose, type AccountRequest, type Layer, type OutgoingRequest } from './layer.ts';
import { authorise } from './layers/authorise.ts';
import { backOff } from './layers/back-off.ts';
import { countOutcomes } from './layers/count-outcomes.ts';
import { countSilence } from './layers/count-silence.ts';
import { enterWindow } from './layers/enter-window.ts';
import { firstAlone } from './layers/first-alone.ts';
import { followRedirects } from './layers/follow-redirects.ts';
import { giveUp } from './layers/give-up.ts';
import { guardLogin } from './layers/guard-login.ts';
import { heedRetryAfter } from './layers/heed-retry-after.ts';
import { measure } from './layers/measure.ts';
import { retry } from './layers/retry.ts';
import { spendQuota } from './layers/spend-quota.ts';
import { switchAccounts } from './layers/switch-accounts.ts';
import { transport } from './layers/transport.ts';
import { wantStatus } from './layers/want-status.ts';
import { registryAddress } from './registry-address.ts';
import type { RegistryOptions } from './registry-options.ts';
import { RequestWindow } from './pace/window.ts';

export interface LayerParts {
  readonly upstream: Upstream;
  readonly options: RegistryOptions;
  readonly accounts: Accounts;
  readonly anonymous: Accounts;
  readonly budget: Budget;
  readonly time: ServerClock;
  readonly count: (kind: keyof RequestCounts) => void;
  readonly describe: (request: OutgoingRequest, response: HttpResponse) => Promise<SourceError>;
}

export function registryLayers(parts: LayerParts): readonly Layer[] {
  const { upstream, options, accounts, anonymous, budget, time, count, describe } = parts;
  const { clock, log, signal, insecure, concurrency } = options;
  const breaker = new CircuitBreaker();
  const backoffs = createBackoffs(clock, signal);
  const window = new RequestWindow(concurrency, clock, signal);
  const address = registryAddress(upstream, insecure);
  const stopIfGivenUp = giveUp({ upstream, address, breaker, backoffs, clock });
  return [
    // The request as a whole: tell the circuit breaker how it ended, and send it again while it fails in a way that may pass.
    countOutcomes(breaker),
    retry(options),
    // Each attempt: turn a response that the caller does not want into a sentence.
    wantStatus({ upstream, signal, describe }),
    // Wait for the first request, for the turn after a refusal, and for room in the window. After each wait, stop if the
    // registry was given up meanwhile.
    stopIfGivenUp,
    firstAlone(),
    backOff({ upstream, backoffs, retry: options.retry }),
    stopIfGivenUp,
    enterWindow(window),
    stopIfGivenUp,
    // The response: let all other requests learn from it, before the window lets the next one in.
    countSilence(breaker),
    heedRetryAfter({ window, breaker, clock, maxDelayMs: options.retry.maxDelayMs }),
    // Each account: ask with the next one when this one is refused or out of quota.
    switchAccounts(
      { upstream, accounts, anonymous, budget, log },
      compose<AccountRequest>([
        // The request of one account: keep to the budget and to the account's quota.
        spendQuota(budget),
        // Each answer to a challenge: add the credential or the token, and send no refused password again.
        authorise(),
        guardLogin(),
        // The sent request: count and time it, follow its redirects, and use the connection.
        measure(count),
        followRedirects({ upstream, insecure }),
        transport(options, time),
      ]),
    ),
  ];
}
