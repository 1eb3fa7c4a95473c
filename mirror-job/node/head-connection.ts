/**
 * Connections that outlast a HEAD. undici closes each after one, because a server may wrongly send a body to it, and
 * a run that finds nothing new is nothing but HEADs: each would pay for TCP and TLS anew.
 */
import type { Dispatcher } from 'undici';

/**
 * For a dispatcher's `compose`. Where a server does send what does not belong into an answer, which ends the request
 * that is next on its connection, that server's connections are closed after HEADs from then on.
 */
export function keepAfterHeads(): Dispatcher.DispatcherComposeInterceptor {
  const unclean = new Set<string>();
  return (dispatch) => (options, handler) => {
    const origin = String(options.origin);
    if (options.method !== 'HEAD') {
      return dispatch(options, unclean.has(origin) ? handler : watched(handler, () => unclean.add(origin)));
    }
    if (unclean.has(origin)) return dispatch(options, handler);
    return dispatch(
      { ...options, reset: false },
      watched(handler, () => unclean.add(origin)),
    );
  };
}

/** What passes through it unchanged, but for the parser's errors, which are told. */
function watched(handler: Dispatcher.DispatchHandler, tell: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
    onResponseStart: (...given) => handler.onResponseStart?.(...given),
    onResponseData: (...given) => handler.onResponseData?.(...given),
    onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
    onResponseError: (controller, error) => {
      if ('code' in error && typeof error.code === 'string' && error.code.startsWith('HPE_')) tell();
      handler.onResponseError?.(controller, error);
    },
  };
}
