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
  /** Sentences: file, line, key, why. */
  readonly losses: { readonly line: number; readonly text: string }[] = [];
  /** Names that stand in `${}`, because the draft has put them there. */
  readonly variables = new Set<string>();

  constructor(file: ForeignFile, kind: string) {
    this.file = file;
    this.kind = kind;
  }

  /** @param reason a sentence without its first capital: why it has no place, and what to do instead */
  lose(path: Path, reason: string): void {
    const text = `${this.file.placeOf(path)}: ${reason}`;
    // A default that several entries inherit is one thing to read.
    if (this.losses.every((loss) => loss.text !== text)) {
      this.losses.push({ line: this.file.lineOf(path) ?? 0, text });
    }
  }

  /** A variable as lifeboat.yaml reads it. */
  variable(name: string): string {
    this.variables.add(name);
    return `\${${name}}`;
  }

  /**
   * The password of an upstream, which is never copied into another file: a variable stands for it, unless it is
   * one already. That it has to be set is said.
   */
  password(path: Path, host: string, written: string): string {
    if (/^\$\{\w+\}$/.test(written)) return written;
    const name = `${host.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}_PASSWORD`.replace(/^(?=\d)/, '_');
    this.lose(
      path,
      `a password is not copied into another file. Set the environment variable ${name} to it.`,
    );
    return this.variable(name);
  }
}
