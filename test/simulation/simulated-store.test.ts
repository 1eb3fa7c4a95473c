/** The simulated bucket keeps the contract of every store, while nothing fails. */
import { afterEach, beforeEach } from 'vitest';
import { storeContract } from '../mirror-job/support/store-contract.ts';
import { Decisions } from './decisions.ts';
import { Faults } from './faults.ts';
import { Actor, Scheduler } from './scheduler.ts';
import { SimulatedStore } from './simulated-store.ts';
import { WatchedStore } from './watched-store.ts';

let actor: Actor;
let scheduler: Scheduler;
let stepping: Promise<void>;

beforeEach(() => {
  scheduler = new Scheduler(Decisions.seeded(1));
  actor = new Actor('contract', scheduler, 0);
  stepping = scheduler.serve(actor);
});

afterEach(async () => {
  actor.state = 'ended';
  await stepping;
});

storeContract(() => {
  const faults = new Faults(Decisions.seeded(1), false);
  faults.areOn = false;
  return new SimulatedStore(new WatchedStore('A'), actor, scheduler, faults);
});
