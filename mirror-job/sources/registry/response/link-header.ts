/**
 * Reads the address of a list's next page. A header that is not understood must not end the list, because the job would
 * believe that the tags it does not see are gone.
 * https://www.rfc-editor.org/rfc/rfc8288#section-3
 */
interface Link {
  readonly target: string;
  /** In lower case. */
  readonly relations: readonly string[];
}

interface Parameter {
  /** In lower case. */
  readonly name: string;
  /** The value as it was sent, with its quotes. */
  readonly value: string;
}

interface Links {
  readonly links: readonly Link[];
  /** The header from the first part on that is no link; empty when all parts are links, or there is no header. */
  readonly rest: string;
}

/**
 * The parts of a link. Each one is read from the end of the part before it. They are not one pattern, because white
 * space that could belong to either of two parts would be tried both ways, and again for each part that follows.
 */
const NOTHING = /[\s,]*/y;
const SPACE = /\s*/y;
const TARGET = /<([^>]*)>/y;
const PARAMETER = /;\s*(?:([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?)?/y;
const END = /,|$/y;

/** @param header null when there is none */
export function parseLinks(header: string | null): Links {
  const text = header ?? '';
  const links: Link[] = [];
  let position = 0;
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    position += match?.[0].length ?? 0;
    return match;
  };
  for (;;) {
    read(NOTHING);
    const begin = position;
    const target = read(TARGET)?.[1];
    const parameters: Parameter[] = [];
    read(SPACE);
    for (let match = read(PARAMETER); match !== null; match = read(PARAMETER)) {
      const [, name = '', value = ''] = match;
      parameters.push({ name: name.toLowerCase(), value });
      read(SPACE);
    }
    if (target === undefined || read(END) === null) {
      // Commas alone are no link either.
      return { links, rest: links.length === 0 ? text.trim() : text.slice(begin) };
    }
    links.push({ target, relations: relationsOf(parameters) });
  }
}

/**
 * The link to the next page. A link without a relation counts as one, as in crane and skopeo, because nothing else
 * follows a list.
 * @returns undefined when no link leads to a next page
 */
export function nextLink({ links }: Links): string | undefined {
  return links.find(({ relations }) => relations.length === 0 || relations.includes('next'))?.target;
}

/** The first `rel` counts when there are several. */
function relationsOf(parameters: readonly Parameter[]): string[] {
  const rel = parameters.find(({ name }) => name === 'rel')?.value.replaceAll(/^"|"$/g, '') ?? '';
  return rel.toLowerCase().split(/\s+/).filter(Boolean);
}
