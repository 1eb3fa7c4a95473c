/** The command that makes a runtime's files, which sentences suggest. It names everything, so that it can be pasted. */
import { nameOf } from '../clients/address.ts';
import type { MirrorTarget } from './verdict.ts';

/** @param runtime the runtime's name for `lifeboat clients` */
export function suggestedCommand(runtime: string, { edge, upstreams }: MirrorTarget): string {
  const registries = upstreams.map((upstream) => ` --upstream ${nameOf(upstream)}`);
  return `"lifeboat clients ${runtime} --edge ${edge}${registries.join('')}"`;
}
