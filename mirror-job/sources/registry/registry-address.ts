import { hostOf, type Upstream } from '../../../core/reference.ts';

/** Scheme and host of a registry. @param insecure whether it is plain HTTP */
export function registryAddress(upstream: Upstream, insecure: boolean): string {
  return `${insecure ? 'http' : 'https'}://${hostOf(upstream)}`;
}
