import { compactTime } from '../../core/layout.ts';
import { MAX_MANIFEST_SIZE } from '../../core/manifest.ts';
import { BufferPool } from '../engine/transfer/buffer-pool.ts';
import { DEFAULT_LIMITS, MANIFEST_BUDGET, MEMORY_BUDGET, type Environment } from '../engine/environment.ts';
import { FairShare } from '../engine/support/fair-share.ts';
import { Tally } from '../engine/tally.ts';
import { crypto } from '../runtime/node/builtin.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { createCollectingHash } from '../runtime/node/memory.ts';

/**
 * What the engine is given when it runs under Node.
 * @param longest how long the run may take, in milliseconds; left out for work that copies nothing from upstreams
 */
export function createEnvironment(
  { store, log, signal }: Pick<Environment, 'store' | 'log' | 'signal'>,
  longest = DEFAULT_LIMITS.longest,
): Environment {
  return {
    store,
    log,
    signal,
    clock: systemClock,
    createHash: createCollectingHash(),
    run: `${compactTime(systemClock.now())}-${crypto.randomBytes(3).toString('hex')}`,
    tally: new Tally(),
    buffers: new BufferPool(MEMORY_BUDGET, DEFAULT_LIMITS.partSize),
    listedManifests: new FairShare(MANIFEST_BUDGET, MAX_MANIFEST_SIZE),
    limits: { ...DEFAULT_LIMITS, longest },
  };
}
