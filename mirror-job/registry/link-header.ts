/**
 * Where a list goes on. A header that is not understood must not end it: tags that are not seen are taken for gone.
 * https://www.rfc-editor.org/rfc/rfc8288#section-3
 */
interface Link {
  readonly target: string;
  /** In lower case. */
  readonly relations: readonly string[];
}

interface Links {
  readonly links: readonly Link[];
  /** From the first thing on that is no link; empty where all of them are. */
  readonly rest: string;
}

const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const NAME = String.raw`[\w!#$%&'*+.^\`|~-]+`;
const PARAMETER = String.raw`(?<name>${NAME})(?:\s*=\s*(?<value>${TEXT}|[^\s,;"]*))?`;
/** A link with its parameters, up to the next one or the end. */
const LINK = new RegExp(
  String.raw`<([^>]*)>((?:\s*;\s*(?:${PARAMETER.replaceAll(/\?<\w+>/g, '?:')})?)*)\s*(?:,|$)`,
  'y',
);
const NOTHING = /[\s,]*/y;

/** @param header null where there is none */
export function parseLinks(header: string | null): Links {
  const text = header ?? '';
  const links: Link[] = [];
  let position = 0;
  for (;;) {
    NOTHING.lastIndex = position;
    position += NOTHING.exec(text)?.[0].length ?? 0;
    LINK.lastIndex = position;
    const [whole = '', target = '', parameters = ''] = LINK.exec(text) ?? [];
    if (whole === '') return { links, rest: text.slice(position) };
    links.push({ target, relations: relationsOf(parameters) });
    position += whole.length;
  }
}

/**
 * Of the next page. A link without a relation is taken for one, as crane and skopeo do: nothing else follows a list.
 * @returns undefined where no link leads to one
 */
export function nextLink({ links }: Links): string | undefined {
  return links.find(({ relations }) => relations.length === 0 || relations.includes('next'))?.target;
}

/** Of several `rel` the first one counts. */
function relationsOf(parameters: string): string[] {
  for (const { groups } of parameters.matchAll(new RegExp(PARAMETER, 'g'))) {
    if (groups?.['name']?.toLowerCase() !== 'rel') continue;
    const value = groups['value']?.replaceAll(/^"|"$/g, '') ?? '';
    return value.toLowerCase().split(/\s+/).filter(Boolean);
  }
  return [];
}
