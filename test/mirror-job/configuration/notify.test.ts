/** `notify` of lifeboat.yaml: what is refused, what it means, and that a check needs no secret for it. */
import { expect, test } from 'vitest';
import { ConfigurationError } from '../../../mirror-job/configuration/configuration-error.ts';
import { findVariables, withPlaceholders } from '../../../mirror-job/configuration/named-variables.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { parseWithoutSecrets } from '../../../mirror-job/configuration/without-secrets.ts';
import { refuseForWorker } from '../../../mirror-job/configuration/worker-rules.ts';
import { STORE, testComplaints, type Case } from './table.ts';

const HTTPS =
  'it must be https. Plain http is only for this machine and private networks: localhost, a private IP address, a name without a dot, or one that ends in .internal, .local, .svc or .localhost.';
const SECRET_RULE =
  'it must be whsec_ followed by the base64 of 24 to 64 bytes, as Standard Webhooks has it. This makes one: echo whsec_$(openssl rand -base64 32)';
const GOOD_SECRET = `whsec_${Buffer.alloc(32).toString('base64')}`;

function withNotify(entry: string): string {
  return `${STORE}images: [a:1]\nnotify:\n  - ${entry}\n`;
}

const CASES: readonly Case[] = [
  [
    'an entry without an address',
    withNotify('{ on: [failed] }'),
    'f.yaml:4: notify[0]: it has neither a url for messages nor a ping.',
  ],
  [
    'plain http to the internet',
    withNotify('{ url: "http://hooks.example.com/x" }'),
    `f.yaml:4: notify[0].url: ${HTTPS}`,
  ],
  [
    'plain http to a public address',
    withNotify('{ url: "http://8.8.8.8/x" }'),
    `f.yaml:4: notify[0].url: ${HTTPS}`,
  ],
  // The metadata of a cloud's machine is there.
  [
    'plain http to a link-local address',
    withNotify('{ url: "http://169.254.169.254/x" }'),
    `f.yaml:4: notify[0].url: ${HTTPS}`,
  ],
  [
    'a password in an address',
    withNotify('{ url: "https://me:hunter2@hooks.example.com/" }'),
    'f.yaml:4: notify[0].url: it must have no user and no password, because no login is sent.',
  ],
  [
    'an address without a scheme',
    withNotify('{ url: hooks.example.com }'),
    'f.yaml:4: notify[0].url: it must be an address such as https://hooks.example.com/lifeboat.',
  ],
  [
    'a secret without its prefix',
    withNotify('{ url: "https://a.test", secret: hunter2 }'),
    `f.yaml:4: notify[0].secret: ${SECRET_RULE}`,
  ],
  [
    'a secret that is too short',
    withNotify('{ url: "https://a.test", secret: whsec_aGVsbG8= }'),
    `f.yaml:4: notify[0].secret: ${SECRET_RULE}`,
  ],
  [
    'a secret from a variable that does not fit',
    withNotify('{ url: "https://a.test", secret: "${SECRET}" }'),
    `f.yaml:4: notify[0].secret: ${SECRET_RULE}`,
  ],
  [
    'events for pings alone',
    withNotify('{ ping: "https://a.test/x", on: [failed] }'),
    'f.yaml:4: notify[0].on: it is for messages, and this entry has no url for them. Leave it out.',
  ],
  ['no event', withNotify('{ url: "https://a.test", on: [] }'), 'f.yaml:4: notify[0].on: it lists no event.'],
  [
    'a map of pings without any',
    withNotify('{ ping: {} }'),
    'f.yaml:4: notify[0].ping: it has no address: start, success or fail.',
  ],
  [
    'a ping in plain http',
    withNotify('{ ping: { start: "http://a.test/x" } }'),
    `f.yaml:4: notify[0].ping.start: ${HTTPS}`,
  ],
  [
    'staleAfter of nothing',
    withNotify('{ url: "https://a.test", staleAfter: 0 }'),
    'f.yaml:4: notify[0].staleAfter: it must be more than 0.',
  ],
];

testComplaints('notify', CASES);

test.each(['deleted', 'Failed'])('the event "%s" is refused, with the events that there are', (event) => {
  const text = withNotify(`{ url: "https://a.test", on: [${event}] }`);
  expect(() => parseConfiguration('f.yaml', text, {})).toThrow(
    /f\.yaml:4: notify\[0\]\.on\[0\]: .*failed.*stale/,
  );
});

test.each([
  'http://127.0.0.1:8080/x',
  'http://[::1]/x',
  'http://10.1.2.3/x',
  'http://172.31.0.1/x',
  'http://192.168.1.1/x',
  'http://[fd00::1]/x',
  'http://localhost/x',
  'http://alertmanager/x',
  'http://hooks.monitoring.svc/x',
  'http://hooks.monitoring.svc.cluster.local/x',
])('plain http is allowed to %s', (url) => {
  const [target] = parseConfiguration('f.yaml', withNotify(JSON.stringify({ url })), {}).notify;
  expect(target?.url).toBe(url);
});

test.each([
  'http://172.32.0.1/x',
  'http://[2001:db8::1]/x',
  'http://[fd::1]/x', // 00fd:…, which is not fc00::/7
  'http://127.example.com/x',
  'http://internal.example.com/x',
])('plain http is refused to %s', (url) => {
  expect(() => parseConfiguration('f.yaml', withNotify(JSON.stringify({ url })), {})).toThrow(HTTPS);
});

test('an entry has defaults, and a name that does not show its path', () => {
  const { notify } = parseConfiguration(
    '/etc/f.yaml',
    withNotify('{ url: "https://hooks.slack.com/services/T0/B0/key" }'),
    {},
  );
  expect(notify).toEqual([
    {
      name: 'notify[0] (hooks.slack.com)',
      url: 'https://hooks.slack.com/services/T0/B0/key',
      on: new Set(['failed', 'finding', 'stale', 'held']),
      format: 'json',
      secret: undefined,
      ping: {},
      staleAfterMs: 86_400_000,
      ca: undefined,
      line: 4,
      key: 'notify[0]',
    },
  ]);
});

test('an entry with all keys', () => {
  const text = withNotify(
    `{ url: "https://a.test/x", on: [moved], format: teams, secret: "\${S}", staleAfter: 6h, ca: ./root.pem, ping: "https://hc.test/uuid/" }`,
  );
  const [target] = parseConfiguration('/etc/f.yaml', text, { S: GOOD_SECRET }).notify;
  expect(target).toMatchObject({
    on: new Set(['moved']),
    format: 'teams',
    secret: GOOD_SECRET,
    staleAfterMs: 21_600_000,
    ca: '/etc/root.pem',
    ping: {
      start: 'https://hc.test/uuid/start',
      success: 'https://hc.test/uuid/',
      fail: 'https://hc.test/uuid/fail',
    },
  });
});

test('a check, and the files of clients, need no secret of it', () => {
  const text = withNotify(
    '{ url: "${HOOK_URL}", secret: "${HOOK_SECRET}", ping: { fail: "${FAIL_URL}" } }\n  - { url: "https://a.test/${HOOK_PATH}", secret: "whsec_${HOOK_KEY}", ping: "${PING_URL}" }',
  );
  const environment = withPlaceholders(findVariables(text), {});
  expect(parseConfiguration('f.yaml', text, environment).notify).toHaveLength(2);
  expect(parseWithoutSecrets('f.yaml', text, {}, { needsImages: false }).notify).toHaveLength(2);
});

test('a job in a Worker has no root certificates of its own', () => {
  const text = withNotify('{ url: "https://a.test/x", ca: root.pem }');
  const refuse = () =>
    refuseForWorker('f.yaml', parseConfiguration('f.yaml', text, {}), { prefix: '', bucket: undefined });
  expect(refuse).toThrow(ConfigurationError);
  expect(refuse).toThrow('f.yaml:4: notify[0].ca: a Worker trusts the usual root certificates alone.');
});
