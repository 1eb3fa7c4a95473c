/** OpenShift: sets of mirrors, by digest and by tag. */
import { edgeLocationOf, nameOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, MirroredUpstream, RuntimeConfiguration } from './setup.ts';
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
  const mirrors = mirrorsOf(setup).map(({ source, mirrors: own }) => ({
    source,
    mirrors: own,
    mirrorSourcePolicy: 'AllowContactingSource',
  }));
  const set = (kind: string, key: string) => ({
    apiVersion: 'config.openshift.io/v1',
    kind,
    metadata: { name: NAME },
    spec: { [key]: mirrors },
  });
  return {
    files: fileOf(setup, [
      set('ImageDigestMirrorSet', 'imageDigestMirrors'),
      ...(setup.tags ? [set('ImageTagMirrorSet', 'imageTagMirrors')] : []),
    ]),
    limits: limitsOf('OpenShift', setup, ABILITIES),
    steps: [
      ...stepsOf(setup),
      ...(setup.tags
        ? ['A set for tags drains the nodes one after the other; a set for digests does not.']
        : []),
    ],
  };
}

/** ImageContentSourcePolicy, for OpenShift before 4.13. */
export function oldOpenshift(setup: ClientSetup): RuntimeConfiguration {
  const policy = {
    apiVersion: 'operator.openshift.io/v1alpha1',
    kind: 'ImageContentSourcePolicy',
    metadata: { name: NAME },
    spec: { repositoryDigestMirrors: mirrorsOf(setup) },
  };
  return {
    files: fileOf(setup, [policy]),
    limits: [
      ...limitsOf('OpenShift', setup, ABILITIES),
      ...(setup.tags
        ? [
            'OpenShift before 4.13 asks the edge for digests alone, because an ImageContentSourcePolicy has no tags.',
          ]
        : []),
    ],
    steps: stepsOf(setup),
  };
}

function stepsOf({ upstreams }: ClientSetup): readonly string[] {
  return upstreams === 'all' ? [] : ['oc apply -f lifeboat-mirrors.yaml'];
}

function mirrorsOf(setup: ClientSetup): readonly { readonly source: string; readonly mirrors: string[] }[] {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  return upstreams.map((upstream: MirroredUpstream) => {
    const source = nameOf(upstream);
    const edge = edgeLocationOf(setup, upstream);
    return { source, mirrors: setup.order === 'mirror-first' ? [edge] : [source, edge] };
  });
}

function fileOf(setup: ClientSetup, documents: readonly unknown[]): RuntimeConfiguration['files'] {
  if (setup.upstreams === 'all') return [];
  const content = yamlText(...documents);
  return [{ path: 'lifeboat-mirrors.yaml', content, kind: 'whole', isSecret: false }];
}
