/** One line for a finding, for tables of tests and golden files. */
import type { FoundInObjects } from '../../../cluster/images/mention.ts';
import { formatReference } from '../../../core/reference.ts';

export function lineOf(found: FoundInObjects): string {
  if (found.kind === 'problem') return `PROBLEM ${found.where}: ${found.message}`;
  if (found.kind === 'control') {
    const [of, by] = [found.of, found.by].map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);
    return `${of} was made by ${by}`;
  }
  const { reference, digest, platform, use } = found;
  const object = [use.namespace, use.name].filter((part) => part !== undefined).join('/');
  const container = use.container === undefined ? '' : `[${use.container}]`;
  const extra = [digest, platform].map((part) => (part === undefined ? '' : ` ${part}`)).join('');
  return `${use.how} ${use.kind} ${object}${container}: ${formatReference(reference)}${extra}`;
}

export function linesOf(found: Iterable<FoundInObjects>): string[] {
  return [...found].map(lineOf);
}
