/**
 * Reads the files of a node that say how its runtimes pull, and those that they name. Nothing outside of the node's root is read,
 * and nothing is written.
 */
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { namedPlaces } from '../../../cluster/check/named-places.ts';
import { NODE_PLACES, type NodeFiles, type NodePlace } from '../../../cluster/check/node-files.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import { pathWithin } from './path-within.ts';

/** A configuration file has kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 20_000;
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
/** A file may import another one, which imports a third. */
const MAX_ROUNDS = 16;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param root the folder that stands for the root of the node */
export async function readNode(root: string): Promise<NodeFiles> {
  const node = new ReadNode(await realpath(root));
  const asked = new Set<string>();
  let places: readonly NodePlace[] = NODE_PLACES;
  for (let round = 0; places.length > 0; round += 1) {
    for (const place of places) {
      asked.add(keyOf(place));
      if (round < MAX_ROUNDS) await node.read(place);
      else node.unreadable.set(place.path, 'E2BIG');
    }
    places = round < MAX_ROUNDS ? namedPlaces(node).filter((place) => !asked.has(keyOf(place))) : [];
  }
  return node;
}

function keyOf({ path, levels }: NodePlace): string {
  return `${levels} ${path}`;
}

class ReadNode implements NodeFiles {
  readonly files = new Map<string, string>();
  readonly folders = new Set<string>();
  readonly unreadable = new Map<string, string>();
  readonly #root: string;
  #entries = 0;
  #bytes = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async read({ path, levels }: NodePlace): Promise<void> {
    if (this.files.has(path)) return;
    try {
      await this.#readWhole(path, levels);
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.unreadable.set(path, code);
    }
  }

  async #readWhole(path: string, levels: number): Promise<void> {
    const whole = await pathWithin(this.#root, path);
    const found = await lstat(whole);
    this.#entries += 1;
    if (found.isDirectory()) {
      this.folders.add(path);
      if (levels === 0) return;
      for (const name of await readdir(whole)) {
        if (this.#entries >= MAX_ENTRIES) {
          this.unreadable.set(path, 'E2BIG');
          return;
        }
        await this.read({ path: `${path}/${name}`, levels: levels - 1 });
      }
    } else if (!found.isFile()) this.unreadable.set(path, 'EFTYPE');
    else if (found.size > MAX_BYTES) this.unreadable.set(path, 'EFBIG');
    else if (this.#bytes + found.size > MAX_TOTAL_BYTES) this.unreadable.set(path, 'E2BIG');
    else {
      this.#bytes += found.size;
      const text = decoded(await readFile(whole));
      if (text === undefined) this.unreadable.set(path, 'EILSEQ');
      else this.files.set(path, text);
    }
  }
}

/** @returns undefined if it is not UTF-8 */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
