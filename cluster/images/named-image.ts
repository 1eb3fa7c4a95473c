/** Reads the text that names an image, or says why it names none. */
import { NameInvalidError, parseReference, type Reference } from '../../core/reference.ts';
import type { ImageUse, Mention, Problem } from './mention.ts';

/** No name has braces. `$(…)` is Tekton's, `<%` is ERB's, and ko puts in what it has built. */
const TEMPLATE = /[{}]|\$[(\w]|<%|^ko:\/\//;
/** The id of an image on one machine. As a name it would be the repository `sha256` with a very long tag. */
const BARE_ID = /^(?:sha256:)?[0-9a-f]{64}$/;
/** Istio's sidecar injection puts its own image there. */
const FILLED_BY_INJECTION = 'auto';

/** Advice where only the cluster knows the image. */
export const READ_PODS = 'Read the running pods too (kubectl get pods -A -o json).';

/** The image that a text names, or a sentence that says why it names none. */
export type NamedImage = { readonly reference: Reference } | { readonly reason: string };

/** Reads the name of an image, wherever it stands: in an object of Kubernetes, in a Dockerfile, in a list. */
export function readImageName(text: string): NamedImage {
  if (isBareId(text)) return { reason: `${quoted(text)} is the id of an image on one machine, and no name.` };
  try {
    return { reference: parseReference(text) };
  } catch (error) {
    if (error instanceof NameInvalidError) return { reason: error.message };
    throw error;
  }
}

/**
 * Reads the image of a container, or of another part of a Kubernetes object.
 * @param value from outside, whatever it is
 */
export function imageNamed(value: unknown, use: ImageUse, where: string): Mention | Problem {
  if (typeof value !== 'string') {
    const advice = typeof value === 'object' ? 'Write one name.' : 'Put it in quotes.';
    return problemOf(use, where, `its image is not a text but ${quoted(value)}. ${advice}`);
  }
  const text = value.trim();
  if (text === '' || text === FILLED_BY_INJECTION) {
    const state = text === '' ? 'empty' : `"${text}"`;
    return problemOf(use, where, `its image is ${state}, because something fills it in later. ${READ_PODS}`);
  }
  const named = readImageName(text);
  if ('reference' in named) return { kind: 'mention', reference: named.reference, use };
  const reason = TEMPLATE.test(text)
    ? `${quoted(text)} is a template that was not rendered. Give what helm template or kustomize build prints, or the objects of the cluster.`
    : named.reason;
  return problemOf(use, where, reason);
}

/** Says that a place names no image that can be mirrored. */
export function problemOf({ container }: ImageUse, where: string, reason: string): Problem {
  const place = container === undefined ? '' : `container ${quoted(container)}: `;
  return { kind: 'problem', where, message: `${place}${reason} The image was left out.` };
}

function isBareId(text: string): boolean {
  return BARE_ID.test(text);
}

function quoted(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a map of keys';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 200) : value) ?? 'nothing';
}
