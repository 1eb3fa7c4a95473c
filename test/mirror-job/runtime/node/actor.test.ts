/** The history records the person who moved a tag by hand. */
import { expect, test } from 'vitest';
import { cleanActor, decodeMovement, encodeMovement } from '../../../../core/history.ts';
import { parseDigest } from '../../../../core/digest.ts';
import { findActor } from '../../../../mirror-job/runtime/node/actor.ts';

type Machine = Parameters<typeof findActor>[1];

const alice: Machine = { userName: () => 'alice', hostName: () => 'laptop' };
function fail(): string {
  throw new Error('ENOENT: no such user');
}
const nameless: Machine = { userName: fail, hostName: () => 'pod-1' };

test.each<[string | undefined, NodeJS.ProcessEnv, Machine]>([
  ['alice@laptop', {}, alice],
  ['alice@laptop', { GITHUB_ACTOR: '', USER: 'other' }, alice],
  ['bob@laptop', { SUDO_USER: 'bob' }, { ...alice, userName: () => 'root' }],
  ['carol@pod-1', { LOGNAME: 'carol' }, nameless],
  [undefined, {}, nameless],
  ['alice', {}, { ...alice, hostName: fail }],
  ['octocat (GitHub Actions)', { GITHUB_ACTOR: 'octocat' }, alice],
  ['octocat (github.com)', { GITHUB_ACTOR: 'octocat', GITHUB_SERVER_URL: 'https://github.com' }, alice],
  ['hubot (GitHub Actions)', { GITHUB_ACTOR: 'octocat', GITHUB_TRIGGERING_ACTOR: 'hubot' }, alice],
  ['dora (gitlab.example:8443)', { GITLAB_USER_LOGIN: 'dora', CI_SERVER_HOST: 'gitlab.example:8443' }, alice],
  ['erin (Buildkite)', { BUILDKITE_BUILD_CREATOR: 'erin' }, alice],
  ['frank (CircleCI)', { CIRCLE_USERNAME: 'frank' }, alice],
  ['Grace Hopper (Azure Pipelines)', { BUILD_REQUESTEDFOR: 'Grace Hopper' }, alice],
  ['heidi (ci.example)', { BUILD_USER_ID: 'heidi', JENKINS_URL: 'https://ci.example/jenkins/' }, alice],
  ['evil[31m (GitHub Actions)', { GITHUB_ACTOR: '\u001B\u202Eevil\u001B[31m\r\n' }, alice],
  ['alice@laptop', { GITHUB_ACTOR: '\u0007 \n' }, alice],
])('the actor is %j in the environment %j', (expected, environment, machine) => {
  expect(findActor(environment, machine)).toBe(expected);
});

test('a long name is cut, and no letter is cut in two', () => {
  expect(cleanActor('𝒜'.repeat(101))).toBe('𝒜'.repeat(100));
});

const to = parseDigest(`sha256:${'a'.repeat(64)}`);
const movement = { from: undefined, to, at: '2026-01-01T00:00:00.000Z', run: 'r', why: 'approved' };

const text = (by?: string): string => new TextDecoder().decode(encodeMovement({ ...movement, by }));

test('a record has the actor as `by`, and a record without an actor has no `by`', () => {
  const start = `{"from":null,"to":"${to}","at":"2026-01-01T00:00:00.000Z","run":"r","why":"approved"`;
  expect(text('alice@laptop')).toBe(`${start},"by":"alice@laptop"}`);
  expect(text()).toBe(`${start}}`);
});

test.each([
  ['alice\u001B[2J@laptop', 'alice[2J@laptop'],
  ['\u0000', undefined],
  ['', undefined],
  [7, undefined],
  [null, undefined],
  [{ name: 'alice' }, undefined],
])('a record by %j is read as by %j', (by, expected) => {
  const { from: _, ...rest } = movement;
  const bytes = new TextEncoder().encode(JSON.stringify({ ...rest, from: null, by }));
  expect(decodeMovement('key', bytes).by).toBe(expected);
});
