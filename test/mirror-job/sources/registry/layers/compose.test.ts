/** The order in which layers see a request and its response. */
import { expect, test } from 'vitest';
import { compose, type Layer } from '../../../../../mirror-job/sources/registry/layer.ts';
import { outgoing, response } from './fake-next.ts';

test('a request goes down the list, and its response comes back up', async () => {
  const seen: string[] = [];
  const named =
    (name: string): Layer =>
    async (request, next) => {
      seen.push(`${name} asks`);
      const answer = await next(request);
      seen.push(`${name} answers`);
      return answer;
    };
  const last = response(200);
  const send = compose([named('first'), named('second'), async () => last]);
  expect(await send(outgoing())).toBe(last);
  expect(seen).toEqual(['first asks', 'second asks', 'second answers', 'first answers']);
});

test('a list without a layer that sends is an error', async () => {
  await expect(compose([])(outgoing())).rejects.toThrow('No layer sends the request to registry.test.');
});
