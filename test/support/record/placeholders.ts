/** Replaces texts that differ between recordings (addresses, folders, times, ids) by names. */
import { hostname, userInfo } from 'node:os';

/** Times before this year belong to the corpus, and are compared. */
const YEAR = String.raw`20(?:2[6-9]|[3-9]\d)`;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [new RegExp(String.raw`\b${YEAR}\d{4}T\d{6}\.\d{3}Z-[0-9a-f]{6}\b`, 'g'), '<run>'],
  [new RegExp(String.raw`\b${YEAR}\d{4}T\d{6}(?:\.\d{3})?Z`, 'g'), '<time>'],
  [new RegExp(String.raw`\b${YEAR}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z`, 'g'), '<time>'],
  [new RegExp(String.raw`\b${YEAR}-\d\d-\d\d\b`, 'g'), '<date>'],
  [new RegExp(String.raw`(X-Amz-Credential=[^&]*?)${YEAR}\d{4}`, 'g'), '$1<date>'],
  [/(X-Amz-Signature=)[0-9a-f]+/g, '$1<signature>'],
  [/("signature": ?")[^"]+/g, '$1<signature>'],
  // The lines of progress are removed, because they depend on the time that has passed.
  [/^(?:\d+ of \d+ images|.*: \d+ objects of at most \d+ copied\.).*\n/gm, ''],
  [/\b(uploadId=)[^&\s"]+/g, '$1<upload>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/( · )(?:\d+(?:\.\d+)? (?:ms|s|min|h)(?: (?=\d))?)+$/gm, '$1<duration>'],
  [/(lifeboat_run_(?:end_timestamp|duration)_seconds\{[^}]*\}) [\d.e+]+/g, '$1 <seconds>'],
];

export class Placeholders {
  readonly #names = new Map<string, string>();

  constructor() {
    this.add(process.execPath, '<node>');
    this.add(`${userInfo().username}@${hostname()}`, '<person>');
  }

  /** Registers that `text` is written as `name` from now on. Longer texts are replaced before shorter ones. */
  add(text: string, name: string): void {
    this.#names.set(text, name);
  }

  /** Adds `host:port`, and the forms that it has in names of images and in URLs. */
  addHost(host: string, name: string): void {
    this.add(host, `<${name}>`);
    this.add(host.replace(':', '_'), `<${name}_>`);
    this.add(encodeURIComponent(host), `<${name}>`);
  }

  apply(text: string): string {
    const named = [...this.#names]
      .toSorted(([a], [b]) => b.length - a.length)
      .reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
    return PATTERNS.reduce((replaced, [pattern, name]) => replaced.replaceAll(pattern, name), named);
  }
}
