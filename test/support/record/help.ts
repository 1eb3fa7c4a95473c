/** Records the help, the version, and mistakes on the command line. None of them needs a store. */
import type { Scenario } from './stage.ts';

const COMMANDS = ['sync', 'plan', 'history', 'approve', 'revert', 'doctor', 'import', 'export'];

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const MISTAKES: readonly (readonly string[])[] = [
  [],
  ['--help'],
  ['-h'],
  ['help'],
  ['--version'],
  ['-V'],
  ['snyc'],
  ['prune'],
  ['Sync'],
  ['--config', 'lifeboat.yaml'],
  ['sync', '--help', '--json'],
  ['sync', '-c'],
  ['sync', '-c', 'missing.yaml'],
  ['sync', '-c', '.'],
  ['sync', '--jsn'],
  ['sync', '--all'],
  ['sync', '--json=yes'],
  ['sync', '--report'],
  ['sync', '--report', ''],
  ['sync', 'UPPER/case:1'],
  ['sync', 'alpine:'],
  ['sync', ''],
  ['sync', 'docker.io/library/alpine:3.*'],
  ['plan', '--metrics', 'm.prom'],
  ['plan', '-x'],
  ['history'],
  ['history', 'a/b', 'c/d'],
  ['history', 'docker.io/library/alpine@sha256:abc'],
  ['history', `docker.io/library/alpine@${DIGEST}`],
  ['history', 'docker.io/library/alpine', '--limit', '0'],
  ['history', 'docker.io/library/alpine', '--limit', 'ten'],
  ['history', 'docker.io/library/alpine', '--limit'],
  ['approve'],
  ['approve', 'docker.io/library/alpine:3.20'],
  ['approve', `docker.io/library/alpine@${DIGEST}`],
  ['approve', `docker.io/library/alpine:3.20@sha256:abc`],
  ['approve', '--file', 'missing.txt'],
  ['approve', `docker.io/library/alpine:3.20@${DIGEST}`, '--reason', ''],
  ['approve', `docker.io/library/alpine:3.20@${DIGEST}`, '--reason', 'x'.repeat(5000)],
  ['revert'],
  ['revert', 'docker.io/library/alpine'],
  ['revert', 'docker.io/library/alpine:3.20', 'docker.io/library/alpine:3.19'],
  ['revert', 'docker.io/library/alpine:3.20', '--to', 'nowhere'],
  ['revert', 'docker.io/library/alpine:3.20', '--to', ''],
  ['import'],
  ['import', 'missing.yml'],
  ['import', 'one.yml', 'two.yml'],
  ['export'],
  ['export', 'docker.io/library/alpine:3.20'],
  ['export', '--to', 'x.tar'],
  ['export', 'docker.io/library/alpine:3.20', '--to', ''],
];

export const recordHelp: Scenario = async ({ commandLine }) => {
  const lifeboat = await commandLine('help');
  for (const command of COMMANDS) {
    await lifeboat.run(`help of ${command}`, [command, '--help']);
    await lifeboat.run(`short help of ${command}`, [command, '-h']);
  }
  await lifeboat.run('help as a program by another name', ['sync', '--help'], { LIFEBOAT_COMMAND: 'ship' });
  for (const [index, args] of MISTAKES.entries()) await lifeboat.run(`usage ${index + 1}`, args);
};
