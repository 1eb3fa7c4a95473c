/** The jobs that a matrix makes: each gives its keys one of their values. */

/** Multiplies lists: `{a: [1, 2], b: [3]}` becomes `{a: 1, b: 3}` and `{a: 2, b: 3}`. Undefined if there are more than the limit. */
export function combinationsOf<Value>(
  axes: ReadonlyMap<string, readonly Value[]>,
  maxCombinations: number,
): Map<string, Value>[] | undefined {
  let combinations = [new Map<string, Value>()];
  for (const [key, values] of axes) {
    if (combinations.length * values.length > maxCombinations) return undefined;
    combinations = combinations.flatMap((combination) =>
      values.map((value) => new Map([...combination, [key, value]])),
    );
  }
  return combinations;
}
