/**
 * Hides an address in what its server answers: the address may be a secret, and a server that does not know its path often
 * repeats the path alone, as in "Cannot POST /services/…". Pure.
 */
import { Secrets } from '../sources/registry/secrets.ts';

/** A shorter part of a path is a word such as `hook`, and too short for a secret. */
const MIN_PART_CHARACTERS = 8;

/** @returns the texts of an address that no message may show */
export function hiddenPartsOf(address: string): Secrets {
  const { href, pathname, search, searchParams } = new URL(address);
  const secrets = new Secrets();
  const parts = [...pathname.split('/'), ...searchParams.values()];
  const long = [address, href, pathname + search, pathname, ...parts].filter(
    (text) => text.length >= MIN_PART_CHARACTERS,
  );
  for (const text of long) secrets.add(text);
  return secrets;
}
