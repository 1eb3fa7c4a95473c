/** What becomes of another tool's configuration: images, upstreams, and what has no place in lifeboat.yaml. */
import type { Path } from '../configuration/path.ts';
import type { ForeignFile } from './foreign-file.ts';

/** As lifeboat.yaml has it. */
export interface DraftImageValue {
  readonly source: string;
  readonly name?: string;
  readonly tags?: readonly string[] | DraftTags;
  readonly digests?: readonly string[];
  readonly platforms?: readonly string[];
  readonly referrers?: false;
}

export interface DraftTags {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly semver?: string;
  readonly suffix?: readonly string[];
}

export interface DraftImage {
  /** Where the other file says so. */
  readonly path: Path;
  readonly value: DraftImageValue;
  /** What else there is to know, for a comment. */
  readonly note: string | undefined;
}

export interface DraftUpstream {
  readonly path: Path;
  readonly host: string;
  readonly value: {
    readonly credentials?: readonly { readonly username: string; readonly password: string }[];
    readonly insecure?: true;
    readonly budget?: { readonly keepRemaining: number };
  };
}

export class Draft {
  readonly file: ForeignFile;
  /** `a regsync configuration` and the like. */
  readonly kind: string;
  readonly images: DraftImage[] = [];
  readonly upstreams: DraftUpstream[] = [];
  /** Names that stand in `${}`, because the draft has put them there. */
  readonly variables = new Set<string>();
  /** Sentences (file, line, key, why), and their lines. */
  readonly #losses = new Map<string, number>();
  /** Whose password each variable holds. */
  readonly #hosts = new Map<string, string>();

  constructor(file: ForeignFile, kind: string) {
    this.file = file;
    this.kind = kind;
  }

  /** The settings that have no place in lifeboat.yaml, in the file's order. */
  get losses(): readonly string[] {
    return [...this.#losses].toSorted(([, a], [, b]) => a - b).map(([text]) => text);
  }

  /** @param reason a sentence without its first capital: why it has no place, and what to do instead */
  lose(path: Path, reason: string): void {
    const text = `${this.file.placeOf(path)}: ${reason}`;
    // A default that several entries inherit is one thing to read.
    if (!this.#losses.has(text)) this.#losses.set(text, this.file.lineOf(path) ?? 0);
  }

  /**
   * The texts of a list as they are written, none where there is no list. What cannot be read is lost as a whole: the rest
   * alone could mean more than all of it.
   */
  texts(path: Path, value: unknown): readonly string[] | undefined {
    if (value === undefined || value === null) return [];
    const items: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
    const texts = items?.map((item, index) => this.file.textAt([...path, index], item));
    if (texts !== undefined && texts.every((text) => text !== undefined)) return texts;
    this.lose(path, 'it is not a list of texts, so what it selects is left out.');
    return undefined;
  }

  /** A range that names a pre-release means more there than here, where a suffix is no part of the version. */
  loseSuffixes(path: Path, range: string): void {
    if (!/\d-[\dA-Za-z]/.test(range)) return;
    this.lose(
      path,
      `this range includes versions with a suffix, but in lifeboat.yaml it includes only versions without one. Add suffix: ['', '-*'], or list the suffixes that you want.`,
    );
  }

  /** A variable as lifeboat.yaml reads it. */
  variable(name: string): string {
    this.variables.add(name);
    return `\${${name}}`;
  }

  /** A text that already has variables, such as a list that `envsubst` fills: they stay. */
  keepVariables(text: string): string {
    for (const [, name = ''] of text.matchAll(/\$\{([A-Za-z_]\w*)\}/g)) this.variables.add(name);
    return text;
  }

  /**
   * The password of an upstream, which is never copied into another file: a variable stands for it, unless it is
   * one already. That it has to be set is said.
   */
  password(path: Path, host: string, written: string): string {
    if (/^\$\{[A-Za-z_]\w*\}$/.test(written)) return this.keepVariables(written);
    const name = this.#variableFor(host);
    this.lose(
      path,
      `a password is not copied into another file. Set the environment variable ${name} to it.`,
    );
    return this.variable(name);
  }

  /** One for each host: a.b and a-b are two registries, and neither is sent the other's password. */
  #variableFor(host: string): string {
    const base = host
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, '_')
      .replace(/^(?=\d)/, '_');
    for (let number = 1; ; number += 1) {
      const name = `${base}${number === 1 ? '' : `_${number}`}_PASSWORD`;
      const owner = this.#hosts.get(name) ?? host;
      if (owner !== host) continue;
      this.#hosts.set(name, host);
      return name;
    }
  }
}
