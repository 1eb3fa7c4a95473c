/** Shows the state of each store to people. A mirror with one store has no such lines. */
import { countOf } from '../engine/support/count-of.ts';
import type { RunReport, StoreReport } from '../engine/report.ts';
import { formatBytes, type Style } from './style.ts';

export function storeLines({ stores = [] }: Pick<RunReport, 'stores'>, style: Style): string[] {
  return stores.flatMap((store) => linesOf(store, style));
}

function linesOf({ name, state, since, reason, undecided, copied }: StoreReport, style: Style): string[] {
  if (state === 'behind') {
    return [
      `${style.bad('behind')}   ${name}${since === undefined ? '' : ` since ${since}`}`,
      ...(reason === undefined ? [] : [`         ${reason}`]),
      `         The other stores have everything of this run. ${undecided === true ? 'Until somebody has decided, each run goes on without this store.' : 'The next run that can use this store catches it up.'}`,
    ];
  }
  const what =
    copied === undefined
      ? ''
      : `: caught up, ${countOf(copied.objects, 'object')} (${formatBytes(copied.bytes)})`;
  return [`${style.good('in step')}  ${name}${what}`];
}
