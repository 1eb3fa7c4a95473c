/** Lists objects of a cluster page by page, so that a cluster of any size needs the memory of one page. */
import type { IncomingMessage } from 'node:http';
import { isObject, type JsonObject } from '../../core/json.ts';
import { ClusterError, ListRefusedError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';

/** How many objects a page has. */
const PAGE_LENGTH = 500;
/** A page of 500 pods has 8 MB. */
const MAX_PAGE_BYTES = 256 * 1024 * 1024;
/** How often a list is begun anew, if the server forgets it before the last page. */
const MAX_ATTEMPTS = 3;

/**
 * Yields all objects of one kind. An object may be yielded twice, if the list had to be begun anew.
 * @param path of the list: `/api/v1/pods`
 * @throws {ListRefusedError} for 401, 403 and 404
 * @throws {ClusterError}
 */
export async function* listObjects(connection: ClusterConnection, path: string): AsyncGenerator<JsonObject> {
  let token = '';
  let attempts = 1;
  for (;;) {
    const query = new URLSearchParams({
      limit: String(PAGE_LENGTH),
      ...(token !== '' && { continue: token }),
    });
    const response = await connection.get(`${path}?${query.toString()}`);
    const { statusCode = 0 } = response;
    // The server keeps the state of a list for some minutes.
    if (statusCode === 410 && attempts < MAX_ATTEMPTS) {
      response.resume();
      token = '';
      attempts += 1;
      continue;
    }
    const body = await readBody(response, path);
    if (statusCode !== 200) throw refusalOf(connection, path, statusCode, body);
    const page = parsePage(connection, path, body);
    for (const item of page.items) yield { ...page.kinds, ...item };
    token = page.next;
    if (token === '') return;
  }
}

/**
 * Reads one object, such as the list of API groups.
 * @throws {ListRefusedError} for 401, 403 and 404
 * @throws {ClusterError}
 */
export async function readObject(connection: ClusterConnection, path: string): Promise<JsonObject> {
  const response = await connection.get(path);
  const body = await readBody(response, path);
  if (response.statusCode !== 200) throw refusalOf(connection, path, response.statusCode ?? 0, body);
  const json = parseBody(body);
  if (!isObject(json)) throw new ClusterError(`${connection.server} answered GET ${path} with no object.`);
  return json;
}

interface ListPage {
  readonly items: readonly JsonObject[];
  /** The kind that the items of a list leave out. */
  readonly kinds: JsonObject;
  /** The token for the next page; empty at the end. */
  readonly next: string;
}

function parsePage(connection: ClusterConnection, path: string, body: string): ListPage {
  const json = parseBody(body);
  if (!isObject(json) || !Array.isArray(json['items'])) {
    throw new ClusterError(`${connection.server} answered GET ${path} with something that is no list.`);
  }
  const { kind, apiVersion, items, metadata } = json;
  const next = isObject(metadata) ? metadata['continue'] : undefined;
  return {
    items: items.filter((item: unknown) => isObject(item)),
    kinds: { apiVersion, kind: String(kind).replace(/List$/, '') },
    next: typeof next === 'string' ? next : '',
  };
}

async function readBody(response: IncomingMessage, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      const piece: Uint8Array = chunk;
      bytes += piece.length;
      if (bytes > MAX_PAGE_BYTES) throw new ClusterError(`GET ${path}: a page has more than 256 MiB.`);
      chunks.push(piece);
    }
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ClusterError(`GET ${path}: the answer broke off (${reason}).`, { cause: error });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf(connection: ClusterConnection, path: string, status: number, body: string): ClusterError {
  const said = sentenceIn(body);
  const message = `${connection.server} answered GET ${path} with ${status}${said === '' ? '' : ` (${said})`}.`;
  switch (status) {
    case 401:
      return new ListRefusedError(
        `${message} The login of the kubeconfig is not accepted: log in anew.`,
        status,
      );
    case 403:
      return new ListRefusedError(
        `${message} Give this user the rights of infra/kubernetes/base/images.yaml: get and list.`,
        status,
      );
    case 404:
      return new ListRefusedError(message, status);
    default:
      return new ClusterError(message);
  }
}

/** The message of a Status object. */
function sentenceIn(body: string): string {
  const json = parseBody(body);
  return isObject(json) && typeof json['message'] === 'string' ? json['message'].slice(0, 300) : '';
}

/** @returns undefined for a text that is not JSON */
function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
