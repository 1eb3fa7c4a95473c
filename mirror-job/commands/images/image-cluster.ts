/** Reads a live cluster for `lifeboat images`. It loads the client of Kubernetes. */
import type { FoundInObjects } from '../../../cluster/images/mention.ts';
import { imagesInCluster } from '../../kubernetes/cluster-images.ts';
import { ClusterConnection, type ClusterOptions } from '../../kubernetes/connection.ts';

/** @throws {UsageError} for a kubeconfig that cannot be used, and later {ClusterError} for a cluster that does not answer */
export function readLiveCluster(
  options: ClusterOptions,
  say: (path: string) => void,
): AsyncGenerator<FoundInObjects> {
  const { signal } = new AbortController();
  return imagesInCluster(new ClusterConnection(options, signal), say);
}
