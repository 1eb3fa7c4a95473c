/** Sends nothing to a registry, or to a repository, that is given up for the rest of the run or until a certain time. */
import { formatUpstream, type Upstream } from '../../../../core/reference.ts';
import type { Clock } from '../../../engine/runtime.ts';
import { SourceError } from '../../../engine/source.ts';
import type { Backoffs } from '../pace/backoff.ts';
import type { CircuitBreaker } from '../pace/circuit-breaker.ts';
import type { Layer } from '../layer.ts';
import { kindOf } from '../registry-request.ts';

interface GiveUpOptions {
  readonly upstream: Upstream;
  /** The registry's address in messages. */
  readonly address: string;
  readonly breaker: CircuitBreaker;
  readonly backoffs: Backoffs;
  readonly clock: Pick<Clock, 'now'>;
}

/** @throws {SourceError} which says why nothing is sent */
export function giveUp({ upstream, address, breaker, backoffs, clock }: GiveUpOptions): Layer {
  return async (request, next) => {
    const repository = `${formatUpstream(upstream)}/${request.path}`;
    const open = breaker.openFor(request.path);
    if (open !== undefined) {
      const who = open.failedParty === 'registry' ? address : repository;
      throw new SourceError(
        `${who} failed ${open.failures} times in a row; it is not asked again in this run.`,
      );
    }
    const refused = backoffs[kindOf(request)].givenUp(request.path);
    if (refused !== undefined) throw new SourceError(refused);
    if (breaker.openUntilMs > clock.now().getTime()) {
      const until = new Date(breaker.openUntilMs).toISOString();
      throw new SourceError(
        `${repository}: the registry allows no request until ${until} (Retry-After), and is not asked before that time.`,
      );
    }
    return next(request);
  };
}
