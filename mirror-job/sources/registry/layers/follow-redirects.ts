/**
 * Follows redirects here, because a credential must not follow them to another host. The credential does not come back either
 * when that host redirects to the registry again: then the other host has chosen what is asked with the credential.
 */
import { formatUpstream, type Upstream } from '../../../../core/reference.ts';
import { ConnectionError } from '../response/connection-error.ts';
import type { HttpResponse } from '../http-client.ts';
import type { AccountRequest, Layer } from '../layer.ts';
import { RedirectError } from '../response/redirect-error.ts';
import { markRedirected } from '../response/redirected-response.ts';

/** More than any registry needs: to its storage, and that one's own. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface FollowRedirectsOptions {
  readonly upstream: Upstream;
  /** Whether a redirect may lead to plain HTTP. */
  readonly insecure: boolean;
}

/** @throws {RedirectError} for too many redirects, and for an address that is not https */
export function followRedirects({ upstream, insecure }: FollowRedirectsOptions): Layer<AccountRequest> {
  return async (request, next) => {
    const repository = `${formatUpstream(upstream)}/${request.path}`;
    let { url, authorization, redirectedTo } = request;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      if (redirectedTo !== undefined || url.host !== request.url.host) {
        redirectedTo = url.host;
        authorization = undefined;
      }
      let response: HttpResponse;
      try {
        response = await next({ ...request, url, authorization, redirectedTo });
      } catch (error) {
        if (redirectedTo !== undefined && error instanceof ConnectionError)
          markRedirected(error, redirectedTo);
        throw error;
      }
      if (redirectedTo !== undefined) markRedirected(response, redirectedTo);
      const location = response.headers.get('Location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      response.discard();
      const target = URL.parse(location, url.href);
      if (target === null || (target.protocol !== 'https:' && !(target.protocol === 'http:' && insecure))) {
        throw new RedirectError(
          `${repository}: ${url.host} redirects to an address that is not https, so the redirect was not followed.`,
        );
      }
      url = target;
    }
    throw new RedirectError(
      `${repository}: ${request.resource} was redirected more than ${MAX_REDIRECTS} times; the last time to ${url.host}.`,
    );
  };
}
