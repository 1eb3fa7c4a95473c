/**
 * Stands for the cache behind `caches.default`, to which workerd sends GET, PUT and PURGE. In a data centre the cache
 * is a fleet of its own. Here it is a Map, mostly in the process of the edge, so that its work counts as part of the
 * cold answers.
 */
const responses = new Map();
const decoder = new TextDecoder();

export default {
  /** @param {Request} request */
  async fetch(request) {
    const { method, url } = request;
    if (new URL(url).pathname === '/healthz') return new Response(null, { status: 204 });
    if (method === 'PUT') {
      responses.set(url, parse(new Uint8Array(await request.arrayBuffer())));
      return new Response(null, { status: 204 });
    }
    if (method === 'PURGE') return new Response(null, { status: responses.delete(url) ? 200 : 404 });
    const entry = responses.get(url);
    if (entry === undefined)
      return new Response(null, { status: 504, headers: { 'CF-Cache-Status': 'MISS' } });
    return new Response(entry.body, { headers: [...entry.headers, ['CF-Cache-Status', 'HIT']] });
  },
};

/** Parses the response to store, which the runtime sends as one HTTP/1.1 message. */
function parse(message) {
  const end = message.findIndex(
    (byte, index) => byte === 13 && message[index + 2] === 13 && message[index + 3] === 10,
  );
  const [, ...lines] = decoder.decode(message.subarray(0, end)).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { headers, body: message.slice(end + 4) };
}
