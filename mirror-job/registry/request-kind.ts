import type { RequestCounts } from '../engine/source.ts';

export const NO_REQUESTS: RequestCounts = { heads: 0, manifestGets: 0, blobGets: 0, lists: 0 };

/** @param resource after `/v2/<path>/` */
export function kindOf({
  method,
  resource,
}: {
  readonly method: 'GET' | 'HEAD';
  readonly resource: string;
}): keyof RequestCounts {
  if (method === 'HEAD') return 'heads';
  if (resource.startsWith('manifests/')) return 'manifestGets';
  return resource.startsWith('blobs/') ? 'blobGets' : 'lists';
}
