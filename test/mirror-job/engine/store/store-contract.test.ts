/** The store of tests keeps the contract, alone and below all layers that a run puts over a bucket. */
import { describe } from 'vitest';
import { boundedStore, earlyStore } from '../../../../mirror-job/assembly/store-layers.ts';
import { KnownEmptyStore } from '../../../../mirror-job/engine/store/known-empty-store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { prunableContract, storeContract } from '../../support/store-contract.ts';

describe('the store in memory', () => {
  prunableContract(() => new MemoryStore());
});

describe('a store below all layers', () => {
  storeContract(() => {
    const bounded = boundedStore(new MemoryStore(), new AbortController().signal, false);
    return new KnownEmptyStore(earlyStore(bounded, ['a/b', 'race'], Promise.resolve()));
  });
});

describe('a store below all layers, in a run that has to stop', () => {
  storeContract(() => boundedStore(new MemoryStore(), AbortSignal.abort(), false));
});
