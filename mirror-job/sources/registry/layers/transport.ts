/** Sends a request over the connection, and notes what the registry's responses say of the time. */
import type { ServerClock } from '../../../engine/support/server-clock.ts';
import type { AccountRequest, Layer } from '../layer.ts';
import type { RegistryOptions } from '../registry-options.ts';
import { send } from '../send.ts';

/** The last layer: it calls no other. @throws {ConnectionError} and the signal's reason */
export function transport(
  options: Pick<RegistryOptions, 'httpClient' | 'signal' | 'timeoutMs'>,
  time: Pick<ServerClock, 'note'>,
): Layer<AccountRequest> {
  return async ({ method, url, headers, authorization, redirectedTo }) => {
    const response = await send(options, url, method, {
      // A body that is compressed on the way does not have the length and the digest that its manifest gives.
      'Accept-Encoding': 'identity',
      ...headers,
      ...(authorization !== undefined && { Authorization: authorization }),
    });
    if (redirectedTo === undefined) {
      time.note(response.headers.get('Date'), response.headers.get('Age'), Date.now());
    }
    return response;
  };
}
