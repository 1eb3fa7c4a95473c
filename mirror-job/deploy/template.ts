/** Fills an example of wrangler's file, so that the examples stay the one place of all that is not asked for. */

/** A change of the example: the part that `pattern` finds becomes `text`. */
export interface Change {
  readonly pattern: RegExp;
  readonly text: string;
}

/**
 * @param header the lines of comment that replace the example's own first ones
 * @throws if the example lacks a part, which is a fault of Lifeboat
 */
export function fillExample(example: string, header: readonly string[], changes: readonly Change[]): string {
  const first = { pattern: /^(?:#[^\n]*\n)+/, text: header.map((line) => `# ${line}\n`).join('') };
  return [first, ...changes].reduce((text, change) => {
    if (!change.pattern.test(text)) throw new Error(`The example has nothing that fits ${change.pattern}.`);
    return text.replace(change.pattern, () => change.text);
  }, example);
}

/** The beginning of each file that this command writes. */
export function headerFor(file: string, worker: string): readonly string[] {
  return [
    `lifeboat deploy wrote this file, the deployment of ${worker}. It is yours: edit it, and run lifeboat deploy again, which reads it`,
    `and never overwrites it. Every other wrangler command needs its name: npx wrangler tail -c ${file}`,
  ];
}

/** A text in TOML's own quotes. */
export function toml(text: string): string {
  return JSON.stringify(text);
}

/** Takes the "#" away from the lines of a commented part. */
export function uncommented(part: string): string {
  return part.replaceAll(/^# /gm, '');
}
