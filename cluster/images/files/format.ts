/** Which format a file is. */
import { NameInvalidError, parseReference } from '../../../core/reference.ts';
import { readInstructions } from './instruction.ts';
import { listedNames } from './plain-list.ts';

export type ImageFileFormat =
  | 'Dockerfile'
  | 'compose'
  | 'github-actions'
  | 'gitlab-ci'
  | 'kubernetes'
  | 'crictl'
  /** A file that says which image the sandboxes of a node's pods have. */
  | 'node'
  | 'list'
  | 'unknown';

/** The length of the beginning that `formatOf` gets, in bytes. */
export const FORMAT_START_BYTES = 65_536;

/** A rule fits if the path ends in such a name, and the text has all of these. */
interface FormatRule {
  readonly format: ImageFileFormat;
  readonly name: RegExp;
  readonly texts?: readonly RegExp[];
}

/** The paths of standard input, which say nothing. */
const STANDARD_INPUT = /^-$|^\/dev\//;
const ANY_YAML = /\.ya?ml$|^-$|^\/dev\//;
const ANY_JSON_OR_YAML = /\.json$|\.ya?ml$|^-$|^\/dev\//;

/** The services of Compose are a map, and those of GitLab CI a list. */
const COMPOSE_SERVICE = /^services:[ \t]*(?:#.*)?\r?\n(?:[ \t]*(?:#.*)?\r?\n)*[ \t]+["']?[\w.-]+["']?:/m;

/** Names come before texts, because builders go by them. The first rule that fits decides. */
const RULES: readonly FormatRule[] = [
  { format: 'unknown', name: /^/, texts: [/\0/] },
  // These lie beside a Dockerfile, and are none.
  { format: 'unknown', name: /\.(?:docker|container)ignore$|\.md$/i },
  { format: 'Dockerfile', name: /(?:^|\/)(?:Docker|Container)file$/ },
  // Editors have files for Dockerfiles that are called `Dockerfile.…` too.
  {
    format: 'Dockerfile',
    name: /(?:^|\/)(?:Docker|Container)file(?![a-z])[^/]*$/,
    texts: [/^[ \t]*FROM\s/im],
  },
  { format: 'Dockerfile', name: /(?:^|[./])(?:docker|container)file$/i },
  { format: 'compose', name: /(?:^|\/)(?:docker-)?compose(?![a-z])[^/]*\.ya?ml$/ },
  // Gitea and Forgejo read the same workflows.
  { format: 'github-actions', name: /(?:^|\/)\.(?:github|gitea|forgejo)\/workflows\/[^/]+\.ya?ml$/ },
  { format: 'github-actions', name: /(?:^|\/)action\.ya?ml$/, texts: [/^runs:/m] },
  { format: 'node', name: /(?:^|\/)kubeadm-flags\.env$/ },
  { format: 'node', name: /\.toml$/, texts: [/\bsandbox(?:_image)?\s*=/] },
  { format: 'node', name: /(?:^|\/)crio\.conf(?:$|\.d\/)/, texts: [/\bpause_image\s*=/] },
  { format: 'gitlab-ci', name: /(?:^|[./])gitlab-ci\.ya?ml$/ },
  { format: 'kubernetes', name: ANY_JSON_OR_YAML, texts: [/^\s*[{[]/, /"apiVersion"\s*:/, /"kind"\s*:/] },
  { format: 'crictl', name: ANY_JSON_OR_YAML, texts: [/^\s*\{/, /"images"\s*:\s*\[/, /"repoTags"\s*:/] },
  // A node that has stored nothing.
  { format: 'crictl', name: ANY_JSON_OR_YAML, texts: [/^\s*\{\s*"images"\s*:\s*\[\s*\]\s*\}\s*$/] },
  // In a list of objects, the kind of each stands within it.
  { format: 'kubernetes', name: ANY_YAML, texts: [/^(?:- )?"?apiVersion"?:/m, /^[ ]*(?:- )?"?kind"?:/m] },
  { format: 'github-actions', name: ANY_YAML, texts: [/^jobs:/m, /^(?:on|"on"|'on'):/m] },
  { format: 'compose', name: ANY_YAML, texts: [COMPOSE_SERVICE, /^[ ]+(?:image|build):/m] },
  // Other tools have scripts in a list.
  {
    format: 'gitlab-ci',
    name: ANY_YAML,
    texts: [/^[ ]+script:/m, /^[ ]+(?:extends|image|needs|rules|stage):/m, /^(?!- |[^]*\n- )/],
  },
];

/** @param start the first `FORMAT_START_BYTES` of the text, or all of it if it is shorter */
export function formatOf(path: string, start: string): ImageFileFormat {
  const name = path.replaceAll('\\', '/');
  const text = start.replace(/^\uFEFF/, '');
  const rule = RULES.find(
    (candidate) =>
      candidate.name.test(name) && (candidate.texts ?? []).every((pattern) => pattern.test(text)),
  );
  if (rule !== undefined) return rule.format;
  if (isList(name, text)) return 'list';
  return STANDARD_INPUT.test(name) && isDockerfile(text) ? 'Dockerfile' : 'unknown';
}

function isDockerfile(text: string): boolean {
  const { list } = readInstructions(text);
  return /^(?:FROM|ARG)$/.test(list[0]?.name ?? '') && list.some(({ name }) => name === 'FROM');
}

/**
 * Judges a list by its name and its lines. Words of one line each, and paths of packages, look like names without a tag,
 * so only the name of the file can say that such lines are images. A file that must be a list may have a mistake in it,
 * because the mistake is reported with its line.
 */
function isList(path: string, text: string): boolean {
  const likeness = wholeNames(text).map((name) => likenessOf(name));
  const tagged = likeness.filter((found) => found === 'tagged').length;
  const named = likeness.filter((found) => found !== 'none').length;
  const isMostlyNamed = named * 2 >= likeness.length;
  if (/(?:\.list|image[^/]*)$/i.test(path)) return isMostlyNamed;
  if (STANDARD_INPUT.test(path)) return named > 0 && isMostlyNamed;
  if (/\.txt$/i.test(path)) return tagged > 0 && isMostlyNamed;
  return tagged > 0 && tagged * 2 >= likeness.length && named === likeness.length;
}

/** The lines of a list. If the text is cut off, its last line may be half a name. */
function wholeNames(text: string): string[] {
  const isCut = text.length >= FORMAT_START_BYTES;
  return listedNames(isCut ? text.slice(0, text.lastIndexOf('\n') + 1) : text).map(({ name }) => name);
}

/** How much a text looks like an image: `nginx:1.27` surely, `nginx` perhaps, and `1.27` not, because it is a version. */
function likenessOf(name: string): 'tagged' | 'plain' | 'none' {
  try {
    const { tag, digest } = parseReference(name);
    if (tag !== undefined || digest !== undefined) return 'tagged';
  } catch (error) {
    if (error instanceof NameInvalidError) return 'none';
    throw error;
  }
  return /^[^/]*\.[^/]*$/.test(name) ? 'none' : 'plain';
}
