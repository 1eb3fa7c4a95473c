/** Finds the address of a bucket's objects. */
import { isIP } from 'node:net';
import { encodePart } from './uri-encoding.ts';

/** A bucket can be part of the host name if it is a DNS label. A certificate does not match a name with a dot in it. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;
const DOTTED = /^(?=.{3,63}$)[a-z0-9](?:[a-z0-9.-]*)[a-z0-9]$/;

/**
 * @returns the address, which ends in a slash. The encoded key comes after it
 * @throws {TypeError} for an endpoint that is no URL
 */
export function bucketAddress(endpoint: string, bucket: string, pathStyle: boolean): URL {
  const address = new URL(endpoint);
  if (!address.pathname.endsWith('/')) address.pathname += '/';
  // As in the SDK, a bucket that cannot be part of a host name is in the path, whatever is configured.
  const isHost = address.protocol === 'https:' ? LABEL.test(bucket) : DOTTED.test(bucket);
  const isNumber = isIP(address.hostname.replaceAll(/[[\]]/g, '')) !== 0;
  if (pathStyle || isNumber || !isHost) address.pathname += `${encodePart(bucket)}/`;
  else address.hostname = `${bucket}.${address.hostname}`;
  return address;
}
