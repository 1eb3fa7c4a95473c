/** Where a bucket's objects are. */
import { isIP } from 'node:net';
import { encodePart } from './uri-encoding.ts';

/** A bucket can be part of the host's name where it is a DNS label; a dot in it is no match for a certificate. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;
const DOTTED = /^(?=.{3,63}$)[a-z0-9](?:[a-z0-9.-]*)[a-z0-9]$/;

/** Ends in a slash: an object's path, encoded, comes after it. @throws {TypeError} for an endpoint that is no URL */
export function bucketAddress(endpoint: string, bucket: string, pathStyle: boolean): URL {
  const address = new URL(endpoint);
  if (!address.pathname.endsWith('/')) address.pathname += '/';
  // As the SDK does it, whatever is configured: what cannot be a host's name is a path.
  const isHost = address.protocol === 'https:' ? LABEL.test(bucket) : DOTTED.test(bucket);
  const isNumber = isIP(address.hostname.replaceAll(/[[\]]/g, '')) !== 0;
  if (pathStyle || isNumber || !isHost) address.pathname += `${encodePart(bucket)}/`;
  else address.hostname = `${bucket}.${address.hostname}`;
  return address;
}
