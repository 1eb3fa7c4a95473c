/** Go's regular expressions as JavaScript's, where both can say the same. What neither can is refused later. */

/** What Go lets be escaped without a need, and JavaScript's Unicode mode does not. */
const NEEDLESS = /[^A-Za-z0-9\s^$\\.*+?()[\]{}|/]/;

/**
 * A pattern of lifeboat.yaml for an expression.
 * @param isWhole whether the tool compares the whole tag; else a part of it may match
 */
export function patternOf(expression: string, isWhole: boolean): string {
  return (isWhole ? literalOf(expression) : undefined) ?? expressionOf(expression, isWhole);
}

/** As `patternOf`, but between slashes even if it matches one tag alone. */
export function expressionOf(expression: string, isWhole: boolean): string {
  const translated = translate(expression);
  return isWhole ? `/^${translated}$/` : `/${translated}/`;
}

/** A tag that is spelled out, and so need not be searched for in a list. */
function literalOf(expression: string): string | undefined {
  const bare = expression.replace(/^\^/, '').replace(/\$$/, '');
  const text = bare.replaceAll(/\\([.-])/g, '$1');
  return /^(?:[\w-]|\\[.-])+$/.test(bare) ? text : undefined;
}

function translate(expression: string): string {
  const [, isInsensitive, rest = ''] = /^(\(\?i\))?(.*)$/s.exec(expression) ?? [];
  let isInClass = false;
  let text = '';
  for (let index = 0; index < rest.length; index += 1) {
    const letter = rest[index] ?? '';
    if (letter === '\\') {
      index += 1;
      const next = rest[index] ?? '';
      const isNeedless = NEEDLESS.test(next) && !(isInClass && next === '-');
      text += isNeedless ? next : `\\${next}`;
    } else {
      if (letter === '[') isInClass = true;
      if (letter === ']') isInClass = false;
      text += letter;
    }
  }
  text = text.replaceAll('(?P<', '(?<');
  return isInsensitive === undefined ? text : `(?i:${text})`;
}
