/**
 * The challenges of a 401.
 * https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate
 */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer';
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    };

/**
 * A scheme, or a parameter of the scheme before it: `name=token` or `name="text"`, where `\"` in the text is a quote. A
 * text whose end is missing goes on to the end of the header.
 */
const WORD = /([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)(?:"|$)|([^\s,"]*)))?/g;

/** The challenges of a header that Lifeboat can answer, in the registry's order. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { readonly scheme: string; readonly parameters: Map<string, string> }[] = [];
  for (const [, name = '', quoted, bare] of header.matchAll(WORD)) {
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return challenges.flatMap(({ scheme, parameters }): Challenge[] => {
    if (scheme === 'basic') return [{ scheme }];
    const realm = parameters.get('realm');
    if (scheme !== 'bearer' || realm === undefined) return [];
    return [{ scheme, realm, service: parameters.get('service'), scope: parameters.get('scope') }];
  });
}
