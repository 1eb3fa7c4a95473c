/**
 * Parses requests, and remembers the results. Parsing is pure, all nodes of a cluster send the same requests, and parsing
 * a URL costs more than everything else that a warm answer needs.
 */
import { RegistryError } from '../../core/error.ts';
import { MemoryCache } from '../cache/memory-cache.ts';
import { parseRequest, type EdgeRequest, type Naming } from './request.ts';

export interface ParsedRequest {
  readonly request: EdgeRequest;
  /** The host name of the request's URL, without the port. */
  readonly host: string;
  readonly path: string;
}

/** A longer URL is not remembered, because a registry's client does not send it again. */
const MAX_KEY_LENGTH = 512;
const MAX_BYTES = 2 * 1024 * 1024;
/** About how much memory the parsed form and the map's entry take. */
const OVERHEAD_BYTES = 1024;

const NO_HOST: ParsedRequest = {
  request: {
    kind: 'refused',
    error: new RegistryError('NAME_INVALID', 'The Host header is not the name of a host.'),
  },
  host: '',
  path: '',
};

export class RequestParser {
  readonly #naming: Naming;
  readonly #cache = new MemoryCache<ParsedRequest>(MAX_BYTES);

  constructor(naming: Naming) {
    this.#naming = naming;
  }

  /** Never throws: a malformed request becomes `refused`. */
  parse(method: string, address: string): ParsedRequest {
    const key = `${method} ${address}`;
    const earlier = this.#cache.get(key);
    if (earlier !== undefined) return earlier;
    // The runtime puts the Host header into the address without a check.
    const url = URL.parse(address);
    if (url === null) return NO_HOST;
    const request = parseRequest(method, url, this.#naming);
    const parsed = { request, host: url.hostname, path: url.pathname };
    if (key.length <= MAX_KEY_LENGTH) this.#cache.set(key, parsed, 2 * key.length + OVERHEAD_BYTES);
    return parsed;
  }
}
