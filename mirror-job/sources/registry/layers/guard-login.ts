/** Keeps a password that is refused from being sent again and again, which would lock its account. */
import type { HttpResponse } from '../http-client.ts';
import type { AccountRequest, Layer } from '../layer.ts';
import { redirectedTo } from '../response/redirected-response.ts';
import { protectionSpaceOf, type RegistryRequest } from '../registry-request.ts';
import type { LoginVerdict } from '../auth/auth-session.ts';

/** @throws {CredentialRefusedError} where the password was refused before; nothing was sent then */
export function guardLogin(): Layer<AccountRequest> {
  return (request, next) =>
    request.session.guard(
      request.authorization,
      protectionSpaceOf(request),
      (authorization) => next({ ...request, authorization }),
      (response) => verdictOf(request, response),
    );
}

function verdictOf({ method }: RegistryRequest, response: HttpResponse): LoginVerdict | undefined {
  const { status } = response;
  if (redirectedTo(response) !== undefined || status < 400 || status === 404) return 'accepted';
  // A refused HEAD does not settle it either, because some registries refuse every HEAD.
  if (status === 401) return method === 'HEAD' ? 'unclear' : 'refused';
  return status === 403 ? 'unclear' : undefined;
}
