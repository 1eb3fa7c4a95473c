/**
 * Sends a request with the header that the registry asked for before, answers a 401 with what it asks for, and once more if
 * the second 401 names a scope that the first did not.
 */
import type { AccountRequest, Layer } from '../layer.ts';
import { redirectedTo } from '../response/redirected-response.ts';
import { protectionSpaceOf } from '../registry-request.ts';

/** @throws what `AuthSession.header` and `AuthSession.learn` throw */
export function authorise(): Layer<AccountRequest> {
  return async (request, next) => {
    const { session } = request;
    const space = protectionSpaceOf(request);
    let authorization = await session.header(space);
    for (let refusals = 0; ; refusals += 1) {
      const response = await next({ ...request, authorization });
      // Another host must not choose where the password goes.
      if (response.status !== 401 || redirectedTo(response) !== undefined || refusals === 2) return response;
      const challenge = response.headers.get('WWW-Authenticate');
      let header: string | undefined;
      try {
        const brings = await session.learn(challenge, space, authorization, refusals > 0);
        const canHelp = brings === 'wider' || (brings === 'another' && refusals === 0);
        header = canHelp ? await session.header(space) : undefined;
      } catch (error) {
        response.discard();
        throw error;
      }
      if (header === undefined) return response;
      response.discard();
      authorization = header;
    }
  };
}
