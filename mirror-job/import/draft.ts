/**
 * Holds a draft of lifeboat.yaml from another tool's configuration: images, upstreams, and the settings that are lost.
 */
import type { Path } from '../configuration/path.ts';
import type { ForeignFile } from './foreign-file.ts';

/** An image as lifeboat.yaml writes it. */
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
  /** The entry's path in the other file. */
  readonly path: Path;
  readonly value: DraftImageValue;
  /** A further text for the entry's comment; undefined if there is none. */
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
  /** The kind of the file, such as `a regsync configuration`. */
  readonly kind: string;
  readonly images: DraftImage[] = [];
  readonly upstreams: DraftUpstream[] = [];
  /** The variables that the draft has written. */
  readonly variables = new Set<string>();
  /** Sentences with file, line, key and reason, each with its line for sorting. */
  readonly #losses = new Map<string, number>();
  /** The host of each variable that replaces a password. */
  readonly #hosts = new Map<string, string>();

  constructor(file: ForeignFile, kind: string) {
    this.file = file;
    this.kind = kind;
  }

  /** Sentences about settings that have no equivalent in lifeboat.yaml, in the file's order. */
  get losses(): readonly string[] {
    return [...this.#losses].toSorted(([, a], [, b]) => a - b).map(([text]) => text);
  }

  /** @param reason a sentence without its first capital: why the setting is lost, and what to do instead */
  lose(path: Path, reason: string): void {
    const text = `${this.file.positionOf(path)}: ${reason}`;
    // A default that several entries inherit is reported once.
    if (!this.#losses.has(text)) this.#losses.set(text, this.file.lineOf(path) ?? 0);
  }

  /**
   * Returns the texts of a list as the file writes them; an empty list if the value is missing. If the list contains
   * anything else, the whole list is lost, because its remaining items could select more than all of them.
   * @returns undefined if the list is lost
   */
  texts(path: Path, value: unknown): readonly string[] | undefined {
    if (value === undefined || value === null) return [];
    const items: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
    const texts = items?.map((item, index) => this.file.textAt([...path, index], item));
    if (texts !== undefined && texts.every((text) => text !== undefined)) return texts;
    this.lose(path, 'it is not a list of texts, so what it selects is left out.');
    return undefined;
  }

  /**
   * Reports a range that names a pre-release. It selects more in the other tool than here, where a suffix is no part of
   * the version.
   */
  loseSuffixes(path: Path, range: string): void {
    if (!/\d-[\dA-Za-z]/.test(range)) return;
    this.lose(
      path,
      `this range includes versions with a suffix, but in lifeboat.yaml it includes only versions without one. Add suffix: ['', '-*'], or list the suffixes that you want.`,
    );
  }

  /** Writes a variable as lifeboat.yaml reads it. */
  variable(name: string): string {
    this.variables.add(name);
    return `\${${name}}`;
  }

  /** Registers the variables of a text, such as a list that `envsubst` fills, and returns the text. */
  keepVariables(text: string): string {
    for (const [, name = ''] of text.matchAll(/\$\{([A-Za-z_]\w*)\}/g)) this.variables.add(name);
    return text;
  }

  /**
   * Replaces a password by a variable, unless it is a variable already, because no password is copied into another file.
   * The losses say that the variable has to be set.
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

  /**
   * Names a variable per host. a.b and a-b are two registries, and neither may get the other's password, so their names
   * differ.
   */
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
