/**
 * Several lists of mirrors as one, which keeps the order of each: (A, B) and (B, C) become A, B, C.
 *
 * Without a contradiction between the lists, the result is the one that OpenShift writes to its nodes: a topological sort
 * in which mirrors that nothing else orders stand by their names, in waves. docs/decisions/0138
 */

export interface MirrorList {
  readonly owner: string;
  /** The preferred mirror first. If a mirror stands twice, its first place counts. */
  readonly mirrors: readonly string[];
}

/** A wish that could not be kept: `owner` lists `first` before `second`, and the lists before it want the opposite. */
export interface BrokenWish {
  readonly owner: string;
  readonly first: string;
  readonly second: string;
}

export interface MirrorOrder {
  /** Each mirror of each list, once. */
  readonly mirrors: readonly string[];
  /** At most one wish of each list; none if the order of every list is kept. */
  readonly broken: readonly BrokenWish[];
}

/**
 * @param lists if they contradict each other, an earlier list prevails over a later one. So the first list keeps its
 *   order whatever the others say
 * @param source comes last, unless a list that names it wants something else
 */
export function orderMirrors(lists: readonly MirrorList[], source?: string): MirrorOrder {
  const precedence = new Precedence();
  const broken = lists.flatMap(({ owner, mirrors }): BrokenWish[] => {
    const [wish] = precedence.addList([...new Set(mirrors)]);
    return wish === undefined ? [] : [{ owner, ...wish }];
  });
  if (source !== undefined) precedence.addLast(source);
  return { mirrors: precedence.sorted(), broken };
}

/** Which name comes before which. It never has a loop, because it does not take a pair that would close one. */
class Precedence {
  /** For each name all that come before it, not only the next ones, so that a loop is seen at once. */
  readonly #before = new Map<string, Set<string>>();
  readonly #after = new Map<string, Set<string>>();

  /** @returns the pairs whose order contradicts what was added earlier */
  addList(names: readonly string[]): { first: string; second: string }[] {
    const contradicted: { first: string; second: string }[] = [];
    for (const [index, second] of names.entries()) {
      setOf(this.#before, second);
      // Every pair, not only neighbours: when a pair in the middle is contradicted, the ends still keep their order.
      for (let at = index - 1; at >= 0; at -= 1) {
        const first = names[at];
        if (first !== undefined && !this.#put(first, second)) contradicted.push({ first, second });
      }
    }
    return contradicted;
  }

  /** Puts the name behind all the others that do not have to come after it. */
  addLast(name: string): void {
    for (const other of this.#before.keys()) {
      if (other !== name) this.#put(other, name);
    }
  }

  sorted(): string[] {
    const missing = new Map([...this.#before].map(([name, before]) => [name, before.size]));
    const isReady = (name: string): boolean => missing.get(name) === 0;
    const queue = [...missing.keys()].filter(isReady).toSorted();
    // The loop also visits what it appends.
    for (const name of queue) {
      const after = [...setOf(this.#after, name)];
      for (const later of after) missing.set(later, (missing.get(later) ?? 0) - 1);
      queue.push(...after.filter(isReady).toSorted());
    }
    return queue;
  }

  /** @returns false, and changes nothing, if the second name already comes before the first */
  #put(first: string, second: string): boolean {
    const beforeFirst = setOf(this.#before, first);
    if (beforeFirst.has(second)) return false;
    if (setOf(this.#before, second).has(first)) return true; // Nothing new, which is the most frequent case by far.
    const earlier = [first, ...beforeFirst];
    for (const later of [second, ...setOf(this.#after, second)]) {
      for (const name of earlier) {
        setOf(this.#before, later).add(name);
        setOf(this.#after, name).add(later);
      }
    }
    return true;
  }
}

/** Returns the set of a name, and adds an empty one if the name is new. */
function setOf(sets: Map<string, Set<string>>, name: string): Set<string> {
  const found = sets.get(name) ?? new Set<string>();
  sets.set(name, found);
  return found;
}
