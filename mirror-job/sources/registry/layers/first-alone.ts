/**
 * Sends the first request alone: if it meets a challenge, all others are spared a refusal. The first GET of a manifest goes
 * alone too, because quotas count those.
 */
import type { Layer } from '../layer.ts';
import { kindOf } from '../registry-request.ts';

export function firstAlone(): Layer {
  const firsts = new Map<'all' | 'manifestGets', Promise<void>>();
  return async (request, next) => {
    const kinds =
      kindOf(request) === 'manifestGets' ? (['all', 'manifestGets'] as const) : (['all'] as const);
    for (const kind of kinds) {
      const first = firsts.get(kind);
      if (first === undefined) {
        const response = next(request);
        const end = response.then(
          () => undefined,
          () => undefined,
        );
        for (const one of kinds) if (!firsts.has(one)) firsts.set(one, end);
        return response;
      }
      await first;
    }
    return next(request);
  };
}
