/**
 * The cache behind `caches.default`: workerd sends it GET, PUT and PURGE. In a data centre the cache is a fleet of its own.
 * Here it is a Map, mostly in the process of the edge, so that cold answers pay for it.
 */
const kept = new Map();
const decoder = new TextDecoder();

export default {
  /** @param {Request} request */
  async fetch(request) {
    const { method, url } = request;
    if (new URL(url).pathname === '/healthz') return new Response(null, { status: 204 });
    if (method === 'PUT') {
      kept.set(url, parse(new Uint8Array(await request.arrayBuffer())));
      return new Response(null, { status: 204 });
    }
    if (method === 'PURGE') return new Response(null, { status: kept.delete(url) ? 200 : 404 });
    const entry = kept.get(url);
    if (entry === undefined)
      return new Response(null, { status: 504, headers: { 'CF-Cache-Status': 'MISS' } });
    return new Response(entry.body, { headers: [...entry.headers, ['CF-Cache-Status', 'HIT']] });
  },
};

/** The runtime sends the answer that is to be kept as one HTTP/1.1 message. */
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
