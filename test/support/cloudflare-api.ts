/** The part of Cloudflare's API that the real wrangler asks for `lifeboat deploy`, as far as wrangler's own code shows it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { close, listen } from './http-server.ts';

export interface CloudflareApi {
  readonly url: string;
  /** The requests that change something: method, path and body. */
  readonly changes: { readonly method: string; readonly path: string; readonly body: string }[];
  stop(): Promise<void>;
}

const ACCOUNT = '/accounts/account-1';
const SCRIPTS = `${ACCOUNT}/workers/scripts`;
const CREATED = '2026-01-01T00:00:00Z';
const QUEUE = {
  queue_id: 'queue-1',
  queue_name: 'there',
  created_on: CREATED,
  modified_on: CREATED,
  producers: [],
  consumers: [],
  producers_total_count: 0,
  consumers_total_count: 0,
  settings: {},
};

/** Results by path; an error is its code and its message. */
const RESULTS: Readonly<Record<string, unknown>> = {
  '/user/tokens/verify': { id: 'token', status: 'active' },
  '/user': { email: 'a@example.com' },
  '/accounts': [{ id: 'account-1', name: 'Example' }],
  '/memberships': [{ account: { id: 'account-1', name: 'Example' } }],
  [`${ACCOUNT}/r2/buckets`]: {
    buckets: [
      { name: 'there', creation_date: CREATED },
      { name: 'unmeasured', creation_date: CREATED },
    ],
  },
  [`${ACCOUNT}/r2/buckets/there`]: { name: 'there', creation_date: CREATED },
  [`${ACCOUNT}/r2/buckets/unmeasured`]: { name: 'unmeasured', creation_date: CREATED },
  [`${ACCOUNT}/queues?name=there`]: [QUEUE],
  [`${ACCOUNT}/queues?name=missing`]: [],
  [`${ACCOUNT}/workers/subdomain`]: { subdomain: 'example' },
  [`${SCRIPTS}/there/secrets`]: [{ name: 'TOKENS', type: 'secret_text' }],
  [`${SCRIPTS}/there/deployments`]: {
    deployments: [
      {
        id: 'd',
        source: 'wrangler',
        strategy: 'percentage',
        author_email: 'a',
        created_on: CREATED,
        versions: [{ version_id: 'v', percentage: 100 }],
      },
    ],
  },
  [`${SCRIPTS}/there/versions/v`]: {
    id: 'v',
    number: 1,
    metadata: {
      created_on: CREATED,
      modified_on: CREATED,
      source: 'wrangler',
      author_email: 'a',
      author_id: 'b',
    },
    annotations: { 'workers/tag': 'lifeboat-0123456789abcdef' },
    resources: { script: { etag: 'e', handlers: ['fetch'] }, script_runtime: {}, bindings: [] },
  },
};

const MISSING: readonly (readonly [path: RegExp, code: number, message: string])[] = [
  [/\/r2\/buckets\/missing$/, 10006, 'The specified bucket does not exist.'],
  [/\/objects\/missing$/, 10007, 'The specified key does not exist.'],
  [/\/workers\/services\//, 10090, 'This Worker does not exist on your account.'],
  [/\/scripts\/missing\//, 10007, 'This Worker does not exist on your account.'],
];

export async function startCloudflareApi(): Promise<CloudflareApi> {
  const changes: CloudflareApi['changes'] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://api.invalid');
    const name = url.searchParams.get('name');
    const path = `${url.pathname}${name === null ? '' : `?name=${name}`}`;
    const { method = '' } = request;
    const body = await text(request);
    response.setHeader('content-type', 'application/json');
    const fail = (status: number, code: number, message: string) =>
      response
        .writeHead(status)
        .end(JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }));
    const [, code, message] = MISSING.find(([pattern]) => pattern.test(path)) ?? [];
    if (code !== undefined && message !== undefined) return fail(404, code, message);
    if (path === `${ACCOUNT}/r2/buckets/there/objects/there`) return response.end('the object\n');
    if (path === '/graphql') {
      if (body.includes('"unmeasured"')) return fail(403, 10000, 'Authentication error');
      const max = { objectCount: 3, payloadSize: 300e9, metadataSize: 1 };
      return response.end(
        JSON.stringify({
          data: { viewer: { accounts: [{ r2StorageAdaptiveGroups: [{ max, dimensions: {} }] }] } },
        }),
      );
    }
    const isChange = method !== 'GET';
    if (isChange) changes.push({ method, path, body });
    const result = RESULTS[path];
    if (result === undefined && !isChange) return fail(404, 7003, `There is no ${path}.`);
    return response.end(
      JSON.stringify({
        success: true,
        errors: [],
        messages: [],
        result: isChange ? {} : result,
        result_info: { page: 1, per_page: 20, total_pages: 1, count: 1, total_count: 1 },
      }),
    );
  };
  const server = createServer((request, response) => void answer(request, response));
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, changes, stop: () => close(server) };
}
