/** The check of microk8s. */
import { expect, test } from 'vitest';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { check, EDGE } from './node.ts';

const ARGS = '/var/snap/microk8s/current/args';
const TEMPLATE = `${ARGS}/containerd-template.toml`;
const HUB = `${ARGS}/certs.d/docker.io/hosts.toml`;
const GOOD = `[host."${EDGE}/v2/docker.io"]\noverride_path = true\n`;
/** The hosts.toml that microk8s brings. */
const OWN =
  'server = "https://docker.io"\n\n[host."https://registry-1.docker.io"]\n  capabilities = ["pull", "resolve"]\n';

function config(folder: string): string {
  return `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "${folder}"\n`;
}

test.for<readonly [string, Readonly<Record<string, string>>, Verdict['asked'], RegExp]>([
  ['its files alone', { [HUB]: GOOD }, 'first', /^$/],
  ['its template', { [TEMPLATE]: config('${SNAP_DATA}/args/certs.d'), [HUB]: GOOD }, 'first', /^$/],
  [
    'the folder of its revision',
    {
      [`${ARGS}/containerd.toml`]: config('/var/snap/microk8s/7/args/certs.d'),
      '/var/snap/microk8s/7/args/certs.d/docker.io/hosts.toml': GOOD,
    },
    'first',
    /^$/,
  ],
  [
    'a template that counts only after a restart',
    { [`${ARGS}/containerd.toml`]: config(''), [TEMPLATE]: config('${SNAP_DATA}/args/certs.d'), [HUB]: GOOD },
    'no',
    /config_path is not set.* Set config_path = "\$\{SNAP_DATA\}\/args\/certs\.d" in .*, and restart: microk8s stop/,
  ],
  [
    'the file that it brings',
    { [TEMPLATE]: config('${SNAP_DATA}/args/certs.d'), [HUB]: OWN },
    'no',
    /docker\.io\/hosts\.toml does not name https:\/\/edge\.test\. "lifeboat clients microk8s --edge https:\/\/edge\.test --upstream docker\.io" makes one/,
  ],
  [
    'no file',
    { [`${ARGS}/`]: '' },
    'no',
    /there is no hosts\.toml for docker\.io.*"lifeboat clients microk8s --edge /,
  ],
  [
    'inline mirrors',
    {
      [TEMPLATE]: `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\nendpoint = ["https://registry-1.docker.io"]\n`,
    },
    'no',
    /containerd-template\.toml has its mirrors inline/,
  ],
])('microk8s with %s', ([, files, expected, reason]) => {
  const { runtime, asked, reasons } = check(files);
  expect([runtime, asked, reasons.join('\n')]).toEqual(['microk8s', expected, expect.stringMatching(reason)]);
});

test.for([TEMPLATE, ARGS, HUB])('%s that cannot be read never counts as absent', (path) => {
  expect(check({}, { unreadable: { [path]: 'EACCES' } }).reasons).toEqual([
    `${path} cannot be read (EACCES). Run this as root.`,
  ]);
});
