/** Counts each request that is sent, by its kind, and lets the caller measure how long it takes. */
import type { RequestCounts } from '../../../engine/source.ts';
import type { AccountRequest, Layer } from '../layer.ts';
import { kindOf } from '../registry-request.ts';

export function measure(count: (kind: keyof RequestCounts) => void): Layer<AccountRequest> {
  return (request, next) => {
    const send = () => {
      count(kindOf(request));
      return next(request);
    };
    return request.timed?.(send) ?? send();
  };
}
