/** How S3 has paths and queries encoded. A signature is made over the same text as is sent. */

/** Percent-encodes a key once, and leaves its slashes. */
export function encodePath(key: string): string {
  return key.split('/').map(encodePart).join('/');
}

/** Percent-encodes all but the unreserved characters of RFC 3986, section 2.3. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** @returns the query without its question mark, sorted by name; empty for none */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .toSorted()
    .map((name) => `${encodePart(name)}=${encodePart(query[name] ?? '')}`)
    .join('&');
}
