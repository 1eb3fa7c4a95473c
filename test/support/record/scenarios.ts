/** Lists all scenarios, in the order in which they run. */
import { recordAccounts } from './accounts.ts';
import { recordConfigurations } from './configurations.ts';
import { recordEdges } from './edges.ts';
import { recordFaults } from './faults.ts';
import { recordHelp } from './help.ts';
import { recordLayouts } from './layouts.ts';
import { recordMirror } from './mirror.ts';
import type { Scenario } from './stage.ts';
import { recordStores } from './stores.ts';
import { recordTags } from './tags.ts';

export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map([
  ['help', recordHelp],
  ['configurations', recordConfigurations],
  ['tags', recordTags],
  ['layouts', recordLayouts],
  ['accounts', recordAccounts],
  ['faults', recordFaults],
  ['stores', recordStores],
  ['mirror', recordMirror],
  ['edges', recordEdges],
]);
