/** Starts the table's clients. */
import { openContainerd } from './containerd-puller.ts';
import { openContainersImage } from './containers-puller.ts';
import type { Puller, PullerName, PullerOptions } from './puller.ts';

export async function openPuller(name: PullerName, options: PullerOptions): Promise<Puller> {
  switch (name) {
    case 'containerd 1.6, CRI':
      return openContainerd({ ...options, name, version: '1', by: 'cri' });
    case 'containerd 2, CRI':
      return openContainerd({ ...options, name, version: '2', by: 'cri' });
    case 'ctr 1.6':
      return openContainerd({ ...options, name, version: '1', by: 'ctr' });
    case 'ctr 2':
      return openContainerd({ ...options, name, version: '2', by: 'ctr' });
    case 'podman':
    case 'skopeo':
      return openContainersImage({ ...options, name });
  }
}
