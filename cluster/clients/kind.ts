/** kind: the configuration of a cluster whose nodes get the folder of hosts.toml files. */
import { CERTS_D, hostsFiles, limitsOfHosts } from './containerd.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { yamlText } from './yaml-text.ts';

/** kind's nodes have `config_path` since 0.27, so the folder has to be mounted. */
export function kind(setup: ClientSetup): RuntimeConfiguration {
  const mount = { hostPath: 'certs.d', containerPath: `/${CERTS_D}` };
  const cluster = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: [{ role: 'control-plane', extraMounts: [mount] }],
  };
  return {
    files: [
      { path: 'kind.yaml', content: yamlText(cluster), kind: 'shared', isSecret: false },
      ...hostsFiles(setup, 'certs.d'),
    ],
    limits: limitsOfHosts('kind', setup),
    steps: [
      'Repeat extraMounts for each node. kind before 0.27 needs config_path too.',
      'kind create cluster --config kind.yaml # in the folder of these files',
    ],
  };
}
