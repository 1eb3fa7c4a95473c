/** Runtimes that read containerd's folder of hosts.toml files, wherever it is. */
import { nameOf } from './address.ts';
import { defaultHostsToml, hostsToml } from './hosts-toml.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientFile, ClientSetup, RuntimeConfiguration } from './setup.ts';
import { tomlText } from './text.ts';

export const CERTS_D = 'etc/containerd/certs.d';

const ABILITIES: Abilities = {
  digestsOnly: true,
  upstreamFirst: true,
  token: true,
  peers: true,
  everyRegistry: true,
};

/** The tables of config.toml in which `config_path` stands, by the version of containerd. */
const PLUGINS = {
  1: { version: 2, plugin: 'io.containerd.grpc.v1.cri' },
  2: { version: 3, plugin: 'io.containerd.cri.v1.images' },
} as const;

const NO_TIMEOUT =
  'containerd 1 does not know dial_timeout, so it waits 30 s for a mirror that drops packets. containerd 2 waits as the files say.';

/** containerd as a distribution installs it. */
export function containerd(setup: ClientSetup, major: 1 | 2): RuntimeConfiguration {
  const { version, plugin } = PLUGINS[major];
  const config: ClientFile = {
    path: 'etc/containerd/config.toml',
    content: tomlText({ version, plugins: { [plugin]: { registry: { config_path: `/${CERTS_D}` } } } }),
    kind: 'shared',
    isSecret: false,
  };
  return {
    files: [config, ...hostsFiles(setup, CERTS_D)],
    limits: [...limitsOfHosts(`containerd ${major}`, setup), ...(major === 1 ? [NO_TIMEOUT] : [])],
    steps: [
      `Without config_path the other files do nothing: by default containerd ${major} has ${major === 1 ? 'none' : 'two folders in it, which it reads as one name'}. If the file exists, keep its version, and set config_path in the table of that version ("version = 2" has the table of containerd 1 also in containerd 2).`,
      'systemctl restart containerd # once, for config.toml; hosts.toml files need no restart',
    ],
    stepsFor: config.path,
  };
}

/** nerdctl reads the folder by itself. */
export function nerdctl(setup: ClientSetup): RuntimeConfiguration {
  return {
    files: hostsFiles(setup, CERTS_D),
    limits: limitsOfHosts('nerdctl', setup),
    steps: ['Rootless nerdctl reads ~/.config/containerd/certs.d: copy the folder there.'],
  };
}

export function microk8s(setup: ClientSetup): RuntimeConfiguration {
  return {
    files: hostsFiles(setup, 'var/snap/microk8s/current/args/certs.d'),
    limits: limitsOfHosts('microk8s', setup),
    steps: ['microk8s brings a hosts.toml for docker.io: move it away first.'],
  };
}

/** minikube copies this folder of the host onto its node. */
export function minikube(setup: ClientSetup): RuntimeConfiguration {
  return {
    files: hostsFiles(setup, '.minikube/files/etc/containerd/certs.d'),
    limits: limitsOfHosts('minikube', setup),
    steps: [
      'The files belong below your home directory: use --out "$HOME".',
      'minikube start --container-runtime=containerd # the option --registry-mirror is for Docker alone',
    ],
  };
}

/** AKS has no setting of its own, so a DaemonSet writes the folder. */
export function aks(setup: ClientSetup): RuntimeConfiguration {
  return {
    files: hostsFiles(setup, CERTS_D),
    limits: limitsOfHosts('AKS', setup),
    steps: [
      'AKS has no setting for mirrors. Install the DaemonSet of infra/kubernetes/clients.yaml, which writes these files onto each node and leaves the files of AKS alone.',
    ],
  };
}

/** The user data of EKS nodes with Amazon Linux 2023. */
export function eks(setup: ClientSetup): RuntimeConfiguration {
  const files = hostsFiles(setup, CERTS_D);
  const commands = files.flatMap(({ path, content, isSecret }) => {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const write = [`mkdir -p '/${folder}'`, `cat > '/${path}' <<'${END}'`, `${content}${END}`];
    return isSecret ? ['umask 077'].concat(write) : write;
  });
  const content = [
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="lifeboat"',
    '',
    '--lifeboat',
    'Content-Type: text/x-shellscript; charset="us-ascii"',
    '',
    '#!/bin/sh',
    'set -eu',
    ...commands,
    '',
    '--lifeboat--',
    '',
  ].join('\n');
  return {
    files: [{ path: 'user-data.txt', content, kind: 'shared', isSecret: setup.token !== undefined }],
    limits: limitsOfHosts('EKS', setup),
    steps: [
      'Give this as user data to the launch template of the nodes, beside the NodeConfig that you have.',
      'It works because the nodes have discard_unpacked_layers = true. If your NodeConfig changes that, set config_path = "/etc/containerd/certs.d" in it as well.',
    ],
  };
}

/** Ends the text of a file in a shell script. No line of a file is equal to it. */
const END = 'END-OF-FILE';

/** The hosts.toml of each registry below a folder. */
export function hostsFiles(setup: ClientSetup, folder: string): ClientFile[] {
  const isSecret = setup.token !== undefined;
  const file = (name: string, content: string): ClientFile => ({
    path: `${folder}/${name}/hosts.toml`,
    content,
    kind: 'whole',
    isSecret,
  });
  if (setup.upstreams === 'all') return [file('_default', defaultHostsToml(setup))];
  return setup.upstreams.map((upstream) => file(nameOf(upstream), hostsToml(setup, upstream)));
}

export function limitsOfHosts(runtime: string, setup: ClientSetup): string[] {
  const isDefault = setup.upstreams === 'all';
  const upstreamFirst = isDefault ? '_default cannot name an upstream: name the registries' : true;
  return limitsOf(runtime, setup, { ...ABILITIES, upstreamFirst });
}
