/** Translates Go's regular expressions into JavaScript's. An expression that JavaScript cannot express is refused later. */

/** The characters that Go allows to be escaped without need, but that JavaScript's Unicode mode does not. */
const NEEDLESS = /[^A-Za-z0-9\s^$\\.*+?()[\]{}|/]/;

/**
 * Writes an expression as a pattern of lifeboat.yaml.
 * @param isWhole whether the tool compares the whole tag with the expression; otherwise the expression may match a part of the tag
 */
export function patternOf(expression: string, isWhole: boolean): string {
  return (isWhole ? literalOf(expression) : undefined) ?? expressionOf(expression, isWhole);
}

/** Does the same as `patternOf`, but always writes the expression between slashes, even if only one tag matches. */
export function expressionOf(expression: string, isWhole: boolean): string {
  const translated = translate(expression);
  return isWhole ? `/^${translated}$/` : `/${translated}/`;
}

/** Returns the tag that an expression spells out, which needs no list; undefined for other expressions. */
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
