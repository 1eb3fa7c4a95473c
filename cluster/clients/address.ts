/** The addresses by which clients reach an upstream, and the edge for it. */
import { formatUpstream, hostOf } from '../../core/reference.ts';
import type { ClientSetup, MirroredUpstream } from './setup.ts';

/** The origin of an upstream's API: `https://registry-1.docker.io`. */
export function originOf({ name, isInsecure }: MirroredUpstream): string {
  return `${isInsecure ? 'http' : 'https'}://${hostOf(name)}`;
}

/** The name of an upstream in the files of clients: `docker.io`, `registry.internal:5000`. */
export function nameOf({ name }: MirroredUpstream): string {
  return formatUpstream(name);
}

/** The edge's API for one upstream, as a base without `/v2` at its end: `https://lifeboat.example.com/v2/docker.io`. */
export function edgePathOf({ edge }: ClientSetup, { name }: MirroredUpstream): string {
  return `${edge}/v2/${name}`;
}

/** The edge as a location of images: `lifeboat.example.com/docker.io`. */
export function edgeLocationOf(setup: ClientSetup, { name }: MirroredUpstream): string {
  return `${edgeHostOf(setup)}/${name}`;
}

/** `lifeboat.example.com`, with its port if it has one. */
export function edgeHostOf({ edge }: ClientSetup): string {
  return new URL(edge).host;
}

export function isInsecureEdge({ edge }: ClientSetup): boolean {
  return edge.startsWith('http://');
}
