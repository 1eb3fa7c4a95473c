/**
 * Requests parsed, and kept: parsing is pure, nodes of a cluster all ask for the same, and taking a URL apart
 * costs more than everything else that a warm answer needs.
 */
import { RegistryError } from '../../core/error.ts';
import { MemoryCache } from '../cache/memory-cache.ts';
import { parseRequest, type EdgeRequest, type Naming } from './request.ts';

export interface ParsedRequest {
  readonly asked: EdgeRequest;
  /** The host name that it was sent to, without the port. */
  readonly host: string;
  readonly path: string;
}

/** Longer ones are not what a client of a registry sends again. */
const LONGEST_KEPT = 512;
const ROOM = 2 * 1024 * 1024;
/** What the parsed form and the map's entry take, about. */
const OVERHEAD = 1024;

const NO_HOST: ParsedRequest = {
  asked: {
    kind: 'refused',
    error: new RegistryError('NAME_INVALID', 'The Host header is not the name of a host.'),
  },
  host: '',
  path: '',
};

export class RequestParser {
  readonly #naming: Naming;
  readonly #kept = new MemoryCache<ParsedRequest>(ROOM);

  constructor(naming: Naming) {
    this.#naming = naming;
  }

  /** Never throws: what is malformed is `refused`. */
  parse(method: string, address: string): ParsedRequest {
    const key = `${method} ${address}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    // The runtime puts the Host header into the address as it came.
    const url = URL.parse(address);
    if (url === null) return NO_HOST;
    const asked = parseRequest(method, url, this.#naming);
    const parsed = { asked, host: url.hostname, path: url.pathname };
    if (key.length <= LONGEST_KEPT) this.#kept.set(key, parsed, 2 * key.length + OVERHEAD);
    return parsed;
  }
}
