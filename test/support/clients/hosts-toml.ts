/**
 * Writes containerd's configuration of a registry's hosts, as the documentation has it.
 * https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mode, PullRequest } from './client.ts';
import { atEdge, documentedBlock } from './documented.ts';
import type { Location } from './location.ts';

/** containerd also sends `?ns=` in the mode `default`, so the edge sees the same requests as in the mode `ns`. */
export const CONTAINERD_MODES: readonly Mode[] = ['prefix', 'ns', 'default', 'host', 'direct'];

/** Writes the file, and removes what the directory holds for an earlier pull. */
export async function writeHostsToml(
  directory: string,
  request: PullRequest,
  location: Location,
): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  const folder = join(directory, folderOf(request.mode, location));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'hosts.toml'), await hostsTomlOf(request, location));
}

/**
 * Returns the name of a folder: `registry_5000_` for `registry:5000`, and `_default` for all registries without a
 * folder.
 */
function folderOf(mode: Mode, { edge, upstream }: Location): string {
  if (mode === 'ns') return '_default';
  return (mode === 'direct' ? edge : upstream).replace(/:(\d+)$/, '_$1_');
}

async function hostsTomlOf(request: PullRequest, location: Location): Promise<string> {
  const { mode, auth } = request;
  const usual = mode === 'prefix' ? 'hosts.toml' : 'hosts.toml, every registry';
  const block = await documentedBlock(request.block ?? usual);
  const text = serverOf(mode, location) + block + (await headerOf(auth));
  const named = text
    .replaceAll('/v2/docker.io', location.prefix === undefined ? '' : `/v2/${location.prefix}`)
    .replaceAll('https://registry-1.docker.io', upstreamOf(request, location));
  return atEdge(named, location.edge);
}

/** Returns the `server` line for a block that has none. It names the edge only if the edge is the registry itself. */
function serverOf(mode: Mode, { upstream }: Location): string {
  if (mode === 'prefix' || mode === 'ns') return '';
  return `server = "https://${mode === 'direct' ? 'lifeboat.example.com' : upstream}"\n`;
}

function upstreamOf({ upstream }: PullRequest, location: Location): string {
  if (upstream !== undefined) return `http://${upstream}`;
  return `https://${location.upstream === 'docker.io' ? 'registry-1.docker.io' : location.upstream}`;
}

async function headerOf(auth: PullRequest['auth']): Promise<string> {
  if (auth === undefined) return '';
  const block = await documentedBlock('hosts.toml, token');
  return `\n${block.replace('Bearer TOKEN', authorizationOf(auth))}`;
}

function authorizationOf(auth: NonNullable<PullRequest['auth']>): string {
  if ('bearer' in auth) return `Bearer ${auth.bearer}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}
