/** Finds the real programs that some suites need. A suite without its program fails, and is never skipped. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';

const SCRIPT = 'bash test/support/install-tools.sh';

/** The command that installs each program. */
const INSTALL = {
  buildctl: SCRIPT,
  buildkitd: SCRIPT,
  chromium: 'apt-get install chromium',
  conmon: 'apt-get install conmon',
  containerd: 'apt-get install containerd',
  'containerd-shim-runc-v2': 'apt-get install containerd',
  containerd2: SCRIPT,
  'containerd2-shim': SCRIPT,
  crane: SCRIPT,
  crictl: SCRIPT,
  crun: 'apt-get install crun',
  ctr: 'apt-get install containerd',
  ctr2: SCRIPT,
  docker: 'apt-get install docker.io',
  'docker-registry': 'apt-get install docker-registry',
  'distribution-conformance': SCRIPT,
  dockerd: 'apt-get install docker.io',
  etcd: 'apt-get install etcd-server',
  fish: 'apt-get install fish',
  'kube-apiserver': SCRIPT,
  kustomize: SCRIPT,
  node22: SCRIPT,
  olareg: SCRIPT,
  podman: 'apt-get install podman',
  'prometheus-pushgateway': 'apt-get install prometheus-pushgateway',
  regsync: SCRIPT,
  runc: 'apt-get install runc',
  script: 'apt-get install bsdutils',
  skopeo: 'apt-get install skopeo',
  'systemd-analyze': 'apt-get install systemd',
  tofu: SCRIPT,
  versitygw: SCRIPT,
  wrk: 'apt-get install wrk',
  zsh: 'apt-get install zsh',
} as const;

export type ProgramName = keyof typeof INSTALL;

/**
 * Returns the absolute path of a program: in the folder `$LIFEBOAT_TOOLS` (`.tools` in the project unless set), or on
 * the PATH.
 * @throws if the program is in neither; the message has the command that installs it
 */
export async function requireProgram(name: ProgramName): Promise<string> {
  const tools = process.env['LIFEBOAT_TOOLS'] ?? resolve(import.meta.dirname, '../../.tools');
  // Debian has some of them in folders that are only in root's PATH.
  const folders = [tools, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    const path = join(folder, name);
    if (folder !== '' && (await executable(path))) return path;
  }
  throw new Error(`The program ${name} is not installed. Install it with: ${INSTALL[name]}`);
}

async function executable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
