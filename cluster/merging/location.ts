/** Checks the names of sources and mirrors by the rules of OpenShift, and says what to write instead. */
import { isHostName, isPathComponent, isPort } from '../../core/reference.ts';

/** @returns what is wrong with a source, as a sentence; undefined if it can be used */
export function sourceProblem(text: string): string | undefined {
  const domain = /^\*\.(.*)$/s.exec(text)?.[1];
  if (domain === undefined) return locationProblem(text);
  if (/[*/:@]/.test(domain)) {
    return `"${text}" has more than "*." and a domain. A source with "*" is a whole domain, as in '*.example.com'.`;
  }
  return locationProblem(domain);
}

/** @returns what is wrong with a mirror, as a sentence; undefined if it can be used */
export function mirrorProblem(text: string): string | undefined {
  if (text.includes('*')) {
    return `"${text}" has a "*". A mirror is one place: write its host, and its path if it has one.`;
  }
  return locationProblem(text);
}

function locationProblem(text: string): string | undefined {
  if (text === '') return 'it is empty. Write a host, or a host and a path, as in quay.io/libpod.';
  return formProblem(text) ?? partProblem(text);
}

/** Mistakes for which the right spelling can be told. */
function formProblem(text: string): string | undefined {
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  if (scheme !== undefined) return `leave out "${scheme}": write "${text.slice(scheme.length)}".`;
  if (/\s/.test(text)) return `"${text}" has a space or a line end in it. Take it out.`;
  if (text.includes('*')) {
    return `"${text}" has a "*" in a place where it means nothing. Only a source may begin with "*.", as in '*.example.com'.`;
  }
  if (/[A-Z]/.test(text)) {
    return `"${text}" has upper-case letters, and names are matched letter by letter. Write "${text.toLowerCase()}".`;
  }
  if (text.includes('@') || /\/[^/]*:[^/]*$/.test(text)) {
    return `"${text}" has a tag or a digest. Leave it out: a rule is for a whole repository.`;
  }
  if (text.endsWith('/')) return `"${text}" ends with "/". Write "${text.replace(/\/+$/, '')}".`;
  return undefined;
}

function partProblem(text: string): string | undefined {
  const [registry = '', ...components] = text.split('/');
  const [, host = '', port] = /^([^:]*)(?::(.*))?$/s.exec(registry) ?? [];
  if (!isHostName(host)) {
    return `"${registry}" is not the name of a host. Write the host first, as in quay.io/libpod; IPv6 addresses cannot be part of an image name.`;
  }
  if (port !== undefined && !(/^\d+$/.test(port) && isPort(port))) {
    return `"${port}" is not a port (1 to 65535).`;
  }
  const wrong = components.find((component) => !isPathComponent(component));
  return wrong === undefined
    ? undefined
    : `"${wrong}" cannot be part of a path. Write lower-case letters and digits, with single ".", "_", "__" or hyphens between them.`;
}
