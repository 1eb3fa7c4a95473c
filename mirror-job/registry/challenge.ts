/**
 * What a registry asks for when it answers 401.
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

/** The first challenge that Lifeboat can meet; undefined for a header that has none. */
export function parseChallenge(header: string): Challenge | undefined {
  // Several challenges may share the header; parameters are `name=token` or `name="text"`.
  const challenge = /(?:^|,\s*)(bearer|basic)(?:\s+([^,]*(?:,\s*\w+\s*=\s*(?:"[^"]*"|[^\s,"]+))*))?/i.exec(
    header,
  );
  if (challenge === null) return undefined;
  const [, scheme = '', rest = ''] = challenge;
  if (scheme.toLowerCase() === 'basic') return { scheme: 'basic' };
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, bare] of rest.matchAll(/(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))/g)) {
    parameters.set(name.toLowerCase(), quoted ?? bare ?? '');
  }
  const realm = parameters.get('realm');
  if (realm === undefined) return undefined;
  return { scheme: 'bearer', realm, service: parameters.get('service'), scope: parameters.get('scope') };
}
