/** Which upstreams are known to want a login, and which of those logins end within hours. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../core/reference.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { loginOf } from '../../../mirror-job/drill/upstream-logins.ts';

const { upstreams } = parseConfiguration(
  'f.yaml',
  `store: { bucket: b, region: r }
upstreams:
  ghcr.io: { credentials: [{ username: me, password: '\${PASSWORD}' }] }
  quay.io: { credentials: [] }
  gcr.io: { credentials: [] }
  eu.gcr.io: { credentials: [{ username: _json_key, password: '\${PASSWORD}' }] }
images: [docker.io/library/nginx:1]
`,
  { PASSWORD: 'secret' },
);

test.for([
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com', 'short-lived'],
  ['team.azurecr.io', 'short-lived'],
  ['europe-west3-docker.pkg.dev', 'short-lived'],
  ['us.gcr.io', 'short-lived'],
  ['eu.gcr.io', 'short-lived'],
  ['ghcr.io', 'configured'],
  ['gcr.io', undefined],
  ['quay.io', undefined],
  ['docker.io', undefined],
  ['public.ecr.aws', undefined],
  ['azurecr.io.example.com', undefined],
] as const)('the login of %s is %s', ([host, login]) => {
  expect(loginOf(parseUpstream(host), upstreams)).toBe(login);
});
