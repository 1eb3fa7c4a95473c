/**
 * Connections that outlast a HEAD. undici closes each after one, because a server may wrongly send a body to it, and
 * a run that finds nothing new is nothing but HEADs: each would pay for TCP and TLS anew.
 */
import type { Dispatcher } from 'undici';

/**
 * For a dispatcher's `compose`. Where a server does send such a body, it is taken for the next answer on its
 * connection: that request fails, to be sent again, and after HEADs to that server connections are closed from then on.
 */
export function keepAfterHeads(): Dispatcher.DispatcherComposeInterceptor {
  const unclean = new Set<string>();
  return (dispatch) => (options, handler) => {
    const origin = String(options.origin);
    if (unclean.has(origin)) return dispatch(options, handler);
    const watched = watch(handler, () => unclean.add(origin));
    return dispatch(options.method === 'HEAD' ? { ...options, reset: false } : options, watched);
  };
}

/** What passes through it unchanged, but for the parser's errors, which are told. */
function watch(handler: Dispatcher.DispatchHandler, tell: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (...given) => handler.onRequestStart?.(...given),
    onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
    onResponseStart: (...given) => handler.onResponseStart?.(...given),
    onResponseData: (...given) => handler.onResponseData?.(...given),
    onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
    onResponseError: (controller, error) => {
      if (error.name === 'HTTPParserError') tell();
      handler.onResponseError?.(controller, error);
    },
  };
}
