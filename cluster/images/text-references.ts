/**
 * Finds references in texts that can say anything: arguments, environment variables, files in a ConfigMap. A wrong one
 * costs more than a missed one, because somebody would mirror it. So a text has to look like an image in every part.
 */
import { NameInvalidError, parseReference, type Reference } from '../../core/reference.ts';
import type { ImageUse, Mention } from './mention.ts';

/** Between words. Within a string of JSON, line ends and quotes are escaped. */
const SEPARATOR = /(?:\\+[nrt]?|[\s"'`,;|()<>[\]])+/;
/** No reference that clients accept is longer: a name of 255 characters, a tag and a digest. */
const MAX_WORD_LENGTH = 600;
/** Signs that a sentence or a flow map of YAML leaves at the word. Two braces stay, because they are a template. */
const ENDING = /(?:[.:!?]+|(?<!\})\}[.:!?]*)$/;
const BEGINNING = /^\{(?!\{)/;

const FORM =
  /^(?<host>[a-z0-9.-]+(?::\d{1,5})?)\/(?<path>[a-z0-9._/-]+)(?::(?<tag>\w[\w.-]*))?(?:@(?<digest>\S+))?$/i;

/** A tag without a digit has to be one of these words. */
const TAG_WORDS: ReadonlySet<string> = new Set(
  'alpine debug dev edge latest main master nightly nonroot release stable'.split(' '),
);
/** Hosts whose paths are keys of labels, API groups, modules, repositories of git or plugins of buf. */
const OTHER_HOSTS =
  /(?:^|\.)(?:kubernetes\.io|k8s\.io|helm\.sh|github\.com|bitbucket\.org|golang\.org|gopkg\.in|go\.uber\.org|googleapis\.com|buf\.build|cloud\.google\.com)$|^gitlab\.com$/;
const REGISTRIES_AMONG_THEM: ReadonlySet<string> = new Set(['registry.k8s.io', 'registry-sandbox.k8s.io']);
/** A label of a host that is likely to be a registry: `registry`, `ghcr`, `azurecr`, `docker`. */
const REGISTRY_LABEL =
  /registry|^(?:[a-z0-9-]*cr|docker\w*|quay|harbor|nexus|artifactory|jfrog|images?|localhost)$/;
const FILE_ENDING =
  /\.(?:cfg|conf|crt|css|go|gz|html|ini|js|json|key|log|md|pem|py|sh|sock|sql|tar|tgz|toml|tpl|ts|txt|xml|ya?ml)$/;
const API_VERSION = /^v\d+(?:(?:alpha|beta)\d+)?(?:\/|$)/;

/** @returns the mentions of a text, each reference once, in their order */
export function mentionsInText(text: string, use: ImageUse): Mention[] {
  return referencesInText(text).map((reference) => ({
    kind: 'mention',
    reference,
    use: { ...use, how: 'text' },
  }));
}

/** @returns each reference that has a registry's host, and a tag or a digest, once */
export function referencesInText(text: string): Reference[] {
  const found = new Map<string, Reference>();
  if (!text.includes('/')) return [];
  for (const word of text.split(SEPARATOR)) {
    if (word.length > MAX_WORD_LENGTH || word.includes('://')) continue;
    for (const part of word.split('=')) {
      const trimmed = part.replace(BEGINNING, '').replace(ENDING, '');
      const reference = found.has(trimmed) ? undefined : referenceIn(trimmed);
      if (reference !== undefined) found.set(trimmed, reference);
    }
  }
  return [...found.values()];
}

function referenceIn(word: string): Reference | undefined {
  const { host = '', path = '', tag, digest } = FORM.exec(word)?.groups ?? {};
  if (!isRegistry(host) || FILE_ENDING.test(path) || API_VERSION.test(path)) return undefined;
  if (digest === undefined && !(tag !== undefined && isLikelyTag(tag, host, path))) return undefined;
  try {
    return parseReference(word);
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

function isRegistry(hostAndPort: string): boolean {
  const [host = '', port] = hostAndPort.toLowerCase().split(':');
  if (REGISTRIES_AMONG_THEM.has(host) || host === 'localhost') return true;
  if (OTHER_HOSTS.test(host) || FILE_ENDING.test(host)) return false;
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) return port !== undefined;
  return host.includes('.') ? /\.[a-z]{2,}$/.test(host) : port !== undefined && hasRegistryLabel(host);
}

/** A path of one part is also what labels and addresses have (`example.com/path:80`), so its host has to look like a registry. */
function isLikelyTag(tag: string, host: string, path: string): boolean {
  if (!/[a-z0-9]$/i.test(tag) || !(/\d/.test(tag) || TAG_WORDS.has(tag))) return false;
  return path.includes('/') || (hasRegistryLabel(host) && !/^\d+$/.test(tag));
}

function hasRegistryLabel(host: string): boolean {
  return host
    .toLowerCase()
    .replace(/:.*$/, '')
    .split('.')
    .some((label) => REGISTRY_LABEL.test(label));
}
