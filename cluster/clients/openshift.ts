/** OpenShift: sets of mirrors, by digest and by tag. */
import { mirrorSetObject, mirrorSetObjects } from '../merging/mirror-set-documents.ts';
import { CONTENT_SOURCE_POLICY } from '../merging/object-kind.ts';
import { nameOf } from './address.ts';
import { edgeMirrorsOf, insecureHostsOf } from './edge-mirrors.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { yamlText } from './text.ts';

const ABILITIES: Abilities = {
  digestsOnly: true,
  upstreamFirst: true,
  token:
    'mirror sets have no header. Add a login for the edge to the global pull secret, and set AUTH_CHALLENGE = "basic" at the edge; docs/clients.md says what that costs',
  peers: 'peers speak to containerd alone',
  everyRegistry: 'mirror sets name each registry: name them with --upstream',
};

const NAME = 'lifeboat';

/** ImageDigestMirrorSet, and ImageTagMirrorSet for tags. */
export function openshift(setup: ClientSetup): RuntimeConfiguration {
  return {
    files: fileOf(mirrorSetObjects(edgeMirrorsOf(setup), NAME)),
    limits: limitsOfOpenshift(setup),
    steps: [
      ...policyStepsOf(setup),
      ...stepsOf(setup),
      ...(setup.tags
        ? ['A set for tags drains the nodes one after the other; a set for digests does not.']
        : []),
    ],
  };
}

/** ImageContentSourcePolicy, for OpenShift before 4.13. */
export function oldOpenshift(setup: ClientSetup): RuntimeConfiguration {
  const policy = mirrorSetObject(CONTENT_SOURCE_POLICY, edgeMirrorsOf(setup), NAME);
  return {
    files: fileOf(policy === undefined ? [] : [policy]),
    limits: [
      ...limitsOfOpenshift(setup),
      ...(setup.tags
        ? [
            'OpenShift before 4.13 asks the edge for digests alone, because an ImageContentSourcePolicy has no tags.',
          ]
        : []),
    ],
    steps: stepsOf(setup),
  };
}

function limitsOfOpenshift(setup: ClientSetup): readonly string[] {
  const insecure = [...insecureHostsOf([setup])];
  return [
    ...limitsOf('OpenShift', setup, ABILITIES),
    ...(insecure.length > 0
      ? [
          `OpenShift asks by https alone, because mirror sets cannot say otherwise, so it does not reach ${insecure.join(' and ')}. Add ${insecure.length === 1 ? 'it' : 'them'} to spec.registrySources.insecureRegistries: oc edit image.config.openshift.io/cluster`,
        ]
      : []),
  ];
}

/** A cluster has objects of others, which this command does not see. */
function policyStepsOf({ upstreams }: ClientSetup): readonly string[] {
  if (upstreams === 'all') return [];
  return [
    'oc get idms,itms,imagecontentsourcepolicy -o yaml',
    `If one of these objects says mirrorSourcePolicy: NeverContactSource for ${upstreams.map(nameOf).join(' or ')}, it contradicts this file, and OpenShift applies no mirror rule at all; ` +
      'only the log of its machine-config-controller says so. Write the same policy in both: with NeverContactSource, an image that the edge lacks cannot be pulled.',
  ];
}

function stepsOf({ upstreams }: ClientSetup): readonly string[] {
  return upstreams === 'all' ? [] : ['oc apply -f lifeboat-mirrors.yaml'];
}

function fileOf(objects: readonly object[]): RuntimeConfiguration['files'] {
  if (objects.length === 0) return [];
  return [{ path: 'lifeboat-mirrors.yaml', content: yamlText(...objects), kind: 'whole', isSecret: false }];
}
