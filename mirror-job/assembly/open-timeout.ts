/** The longest time to open a store. */
import { StoreError } from '../engine/store/store.ts';

/** The time is enough, because opening a store reads and writes only a few small objects. */
const OPEN_TIMEOUT_MS = 20_000;

/**
 * Bounds the time to open one of several stores. The others must not wait for the minutes that a single store may take.
 * @param isWaiting whether it is not the store that takes the time, but a sweep of pruning
 */
export async function withOpenTimeout<Value>(
  name: string,
  open: () => Promise<Value>,
  isWaiting: () => boolean = () => false,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const end = (): void => {
      if (isWaiting()) {
        timer = setTimeout(end, OPEN_TIMEOUT_MS);
        return;
      }
      reject(
        new StoreError(
          `${name}: it has not answered within ${OPEN_TIMEOUT_MS / 1000} s. Check its endpoint.`,
        ),
      );
    };
    timer = setTimeout(end, OPEN_TIMEOUT_MS);
  });
  try {
    return await Promise.race([open(), late]);
  } finally {
    clearTimeout(timer);
  }
}
