/**
 * containerd's configuration of a registry's hosts.
 * https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mode, PullRequest } from './client.ts';
import { UNREACHABLE, type Location } from './location.ts';

/** In the mode `default` too containerd says `?ns=`, so it looks to the edge as in the mode `ns`. */
export const CONTAINERD_MODES: readonly Mode[] = ['prefix', 'ns', 'default', 'host', 'direct'];

/** Replaces what the directory held for an earlier pull. */
export async function writeHostsToml(
  directory: string,
  request: PullRequest,
  location: Location,
): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  const folder = join(directory, folderOf(request.mode, location));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'hosts.toml'), hostsTomlOf(request, location));
}

/** The folder of `registry:5000` is `registry_5000_`, and `_default` is for all that have none. */
function folderOf(mode: Mode, { edge, upstream }: Location): string {
  if (mode === 'ns') return '_default';
  return (mode === 'direct' ? edge : upstream).replace(/:(\d+)$/, '_$1_');
}

function hostsTomlOf({ mode, auth, upstream }: PullRequest, { edge, prefix }: Location): string {
  const host = prefix === undefined ? `http://${edge}` : `http://${edge}/v2/${prefix}`;
  const server = mode === 'direct' ? host : `http://${upstream ?? UNREACHABLE}`;
  const lines = [
    `server = "${server}"`,
    `[host."${host}"]`,
    '  capabilities = ["pull", "resolve"]',
    ...(prefix === undefined ? [] : ['  override_path = true']),
  ];
  if (auth !== undefined) {
    lines.push(`[host."${host}".header]`, `  Authorization = "${authorizationOf(auth)}"`);
  }
  return `${lines.join('\n')}\n`;
}

function authorizationOf(auth: NonNullable<PullRequest['auth']>): string {
  if ('bearer' in auth) return `Bearer ${auth.bearer}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}
