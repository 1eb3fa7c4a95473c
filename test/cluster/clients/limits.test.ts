/** The effects of clients' files that their reader may not expect: plain HTTP, and rules of others. */
import { expect, test } from 'vitest';
import { CLIENT_RUNTIMES } from '../../../cluster/clients/runtimes.ts';
import type { ClientSetup, RuntimeConfiguration } from '../../../cluster/clients/setup.ts';
import { parseUpstream } from '../../../core/reference.ts';

const HUB = { name: parseUpstream('docker.io'), isInsecure: false };
const PLAIN: ClientSetup = {
  edge: 'https://lifeboat.example.com',
  upstreams: [HUB],
  order: 'mirror-first',
  tags: false,
  token: undefined,
  peers: [],
};

function configured(name: string, setup: ClientSetup): RuntimeConfiguration {
  const runtime = CLIENT_RUNTIMES.find((one) => one.name === name);
  if (runtime === undefined) throw new Error(`There is no runtime ${name}.`);
  return runtime.configure(setup);
}

const OPEN = 'sends the token to http://edge.internal:8787 by plain HTTP';

test.for(CLIENT_RUNTIMES)(
  '$name: a token in its files that goes over plain HTTP has a sentence, and no other has',
  ({ configure }) => {
    const token = { ...PLAIN, token: 'secret' };
    const open = configure({ ...token, edge: 'http://edge.internal:8787' });
    const isInFiles = open.files.some(({ content }) => content.includes('Bearer secret'));
    expect(open.limits.join().includes(OPEN)).toBe(isInFiles);
    expect(configure({ ...PLAIN, edge: 'http://edge.internal:8787' }).limits.join()).not.toContain(OPEN);
    expect(configure(token).limits.join()).not.toContain('plain HTTP');
  },
);

const REGISTRY = { name: parseUpstream('registry.internal:5000'), isInsecure: true };
const KEY = 'to spec.registrySources.insecureRegistries: oc edit image.config.openshift.io/cluster';

test.for(['openshift', 'openshift-4.12'])('%s is told of what it reaches by plain HTTP', (name) => {
  const edge = 'http://edge.internal:8787';
  expect(configured(name, { ...PLAIN, edge }).limits).toEqual([
    `OpenShift asks by https alone, because mirror sets cannot say otherwise, so it does not reach edge.internal:8787. Add it ${KEY}`,
  ]);
  expect(configured(name, { ...PLAIN, upstreams: [REGISTRY] }).limits.join()).toContain(
    `does not reach registry.internal:5000. Add it ${KEY}`,
  );
  expect(configured(name, { ...PLAIN, edge, upstreams: [REGISTRY] }).limits.join()).toContain(
    `does not reach edge.internal:8787 and registry.internal:5000. Add them ${KEY}`,
  );
  expect(configured(name, PLAIN).limits).toEqual([]);
});

test.for(CLIENT_RUNTIMES)(
  '$name: a registry that speaks plain HTTP is asked so after the edge, or a sentence names it',
  ({ configure }) => {
    const { files, limits } = configure({ ...PLAIN, upstreams: [REGISTRY] });
    const text = files.map(({ content }) => content).join('\n');
    expect(`${text}${limits.join('\n')}`).toMatch(
      /http:\/\/registry\.internal:5000|^(?:insecure|http) = true$|(?:does not ask the edge for|does not reach) registry\.internal:5000/m,
    );
  },
);

test.for(['cri-o', 'podman', 'openshift', 'openshift-4.12'])(
  '%s gets no file for an edge whose host cannot be part of an image name',
  (name) => {
    const { files, limits, steps } = configured(name, { ...PLAIN, edge: 'https://[2001:db8::1]:8443' });
    expect({ files, steps }).toEqual({ files: [], steps: [] });
    expect(limits).toEqual([
      expect.stringMatching(/^\[2001:db8::1\]:8443 cannot be part of an image's name/),
    ]);
    expect(configured('containerd', { ...PLAIN, edge: 'https://[2001:db8::1]' }).limits).toEqual([]);
  },
);

test('before OpenShift gets a set, a person looks for another policy of the same sources', () => {
  const steps = configured('openshift', { ...PLAIN, upstreams: [HUB, REGISTRY] }).steps;
  expect(steps).toEqual([
    'oc get idms,itms,imagecontentsourcepolicy -o yaml',
    expect.stringMatching(
      /^If one of these objects says mirrorSourcePolicy: NeverContactSource for docker\.io or registry\.internal:5000, .* an image that the edge lacks cannot be pulled\.$/,
    ),
    'oc apply -f lifeboat-mirrors.yaml',
  ]);
  // Objects of OpenShift before 4.13 have no policy.
  expect(configured('openshift-4.12', PLAIN).steps).toEqual(['oc apply -f lifeboat-mirrors.yaml']);
});
