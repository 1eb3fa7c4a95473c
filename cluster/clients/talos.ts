/** Talos: a document for each registry since 1.12, and a part of the machine configuration before. */
import { edgePathOf, nameOf, originOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, MirroredUpstream, RuntimeConfiguration } from './setup.ts';
import { yamlText } from './yaml-text.ts';

const ABILITIES: Abilities = {
  digestsOnly: 'its mirrors always have pull and resolve',
  upstreamFirst: true,
  token: 'its mirrors have no header',
  peers: true,
  everyRegistry: true,
};

/** A patch appends to lists. */
const AGAIN =
  'If the nodes have mirrors for these registries already, remove those first (with $patch: delete), because a patch appends to their endpoints.';

interface Endpoint {
  readonly url: string;
  readonly overridePath?: boolean;
}

/** Since 1.12. */
export function talos(setup: ClientSetup): RuntimeConfiguration {
  const documents = mirrorsOf(setup).map(({ name, endpoints }) => ({
    apiVersion: 'v1alpha1',
    kind: 'RegistryMirrorConfig',
    name,
    endpoints,
    skipFallback: false,
  }));
  return {
    files: [{ path: 'talos-mirrors.yaml', content: yamlText(...documents), kind: 'shared', isSecret: false }],
    limits: limitsOfTalos(setup),
    steps: [AGAIN, 'talosctl patch machineconfig --patch @talos-mirrors.yaml --nodes NODE,…'],
  };
}

/** Before 1.12. One `overridePath` is for all endpoints, so each of them has its whole path. */
export function oldTalos(setup: ClientSetup): RuntimeConfiguration {
  const mirrors = Object.fromEntries(
    mirrorsOf(setup).map(({ name, endpoints }) => [
      name,
      {
        endpoints: endpoints.map(({ url, overridePath }) => (overridePath === true ? url : `${url}/v2`)),
        overridePath: true,
        skipFallback: false,
      },
    ]),
  );
  const patch = { machine: { registries: { mirrors } } };
  return {
    files: [{ path: 'talos-patch.yaml', content: yamlText(patch), kind: 'shared', isSecret: false }],
    limits: limitsOfTalos(setup),
    steps: [AGAIN, 'talosctl patch machineconfig --patch @talos-patch.yaml --nodes NODE,…'],
  };
}

function mirrorsOf(
  setup: ClientSetup,
): readonly { readonly name: string; readonly endpoints: readonly Endpoint[] }[] {
  const peers = setup.peers.map((url) => ({ url }));
  if (setup.upstreams === 'all') return [{ name: '*', endpoints: [...peers, { url: setup.edge }] }];
  return setup.upstreams.map((upstream) => ({
    name: nameOf(upstream),
    endpoints: [...peers, ...inOrder(setup, upstream)],
  }));
}

function inOrder(setup: ClientSetup, upstream: MirroredUpstream): readonly Endpoint[] {
  const edge = { url: edgePathOf(setup, upstream), overridePath: true };
  const itself = { url: originOf(upstream) };
  if (setup.order === 'upstream-first') return [itself, edge];
  // The fallback would be asked by https.
  return upstream.isInsecure ? [edge, itself] : [edge];
}

function limitsOfTalos(setup: ClientSetup): string[] {
  const upstreamFirst = setup.upstreams === 'all' ? '"*" cannot name an upstream: name the registries' : true;
  return limitsOf('Talos', setup, { ...ABILITIES, upstreamFirst });
}
