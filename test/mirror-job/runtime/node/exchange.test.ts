/** Requests by Node's own client over connections that have died, and after an abort. */
import { createServer as createHttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createAgents } from '../../../../mirror-job/runtime/node/agents.ts';
import { exchange } from '../../../../mirror-job/runtime/node/exchange.ts';
import { pause } from '../../../support/process.ts';
import { close, listen } from '../../../support/http-server.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

/** A server whose connections die at their second request, as idle connections do behind a load balancer. */
async function startForgetful() {
  const used = new Set<Socket>();
  const seen = { requests: 0 };
  const server = createHttpServer((request, response) => {
    seen.requests += 1;
    if (used.has(request.socket)) request.socket.resetAndDestroy();
    else response.writeHead(200, { 'content-length': '6' }).end('answer');
    used.add(request.socket);
  });
  const origin = new URL(`http://127.0.0.1:${await listen(server)}`);
  ends.push(() => close(server));
  return { origin, seen };
}

const request = { path: '/', headers: {}, timeoutMs: 5000 };

test.each(['GET', 'HEAD'])(
  'a %s is sent on a new connection, however many idle ones are dead',
  async (method) => {
    const { origin, seen } = await startForgetful();
    const agents = createAgents();
    const ask = async (): Promise<number | undefined> => {
      const answer = await exchange({ ...request, method, origin, agents });
      answer.resume();
      await new Promise((resolve) => {
        answer.once('close', resolve);
      });
      return answer.statusCode;
    };
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([200, 200, 200]);
    // Waits until all three connections are idle.
    await pause(20);
    expect(await ask()).toBe(200);
    expect(seen.requests).toBe(7);
  },
);

test('a POST that may have been carried out is not sent again', async () => {
  const { origin, seen } = await startForgetful();
  const agents = createAgents();
  const ask = async (): Promise<void> => {
    const answer = await exchange({ ...request, method: 'POST', origin, agents, body: 'body' });
    answer.resume();
    await new Promise((resolve) => {
      answer.once('close', resolve);
    });
  };
  await ask();
  await pause(20);
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(seen.requests).toBe(2);
});

test('a request whose signal is aborted is not sent, and fails with the reason', async () => {
  const { origin, seen } = await startForgetful();
  const signal = AbortSignal.abort(new Error('the run was stopped'));
  await expect(
    exchange({ ...request, method: 'GET', origin, agents: createAgents(), signal }),
  ).rejects.toThrow('the run was stopped');
  expect(seen.requests).toBe(0);
});
