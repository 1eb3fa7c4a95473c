/** The check of k3s and RKE2. */
import { expect, test } from 'vitest';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { check, EDGE } from './node.ts';

test.for<readonly [string, string, Verdict['asked']]>([
  ['its endpoint', `mirrors: { docker.io: { endpoint: ["${EDGE}/v2/docker.io"] } }`, 'first'],
  ['every registry', `mirrors: { "*": { endpoint: ["${EDGE}"] } }`, 'first'],
  ['the path of another registry', `mirrors: { docker.io: { endpoint: ["${EDGE}/v2/quay.io"] } }`, 'no'],
  ['another registry', `mirrors: { quay.io: { endpoint: ["${EDGE}/v2/quay.io"] } }`, 'no'],
  ['text', 'a: [', 'no'],
])('k3s with %s', ([, text, expected]) => {
  expect(check({ '/etc/rancher/k3s/registries.yaml': text })).toMatchObject({
    runtime: 'k3s',
    asked: expected,
  });
});

test('a k3s without registries.yaml is found', () => {
  expect(check({ '/etc/rancher/k3s/': '' }).reasons.join()).toMatch(
    /there is no \/etc\/rancher\/k3s\/registries\.yaml/,
  );
});
