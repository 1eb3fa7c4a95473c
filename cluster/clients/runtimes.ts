/** The runtimes that can be configured, by the names that people give them. */
import { bottlerocket } from './bottlerocket.ts';
import { buildkit } from './buildkit.ts';
import { aks, containerd, eks, microk8s, minikube, nerdctl } from './containerd.ts';
import { containersImage } from './containers-image.ts';
import { docker } from './docker.ts';
import { edgeAlone, type MirrorSetup } from './edge-mirrors.ts';
import { gke } from './gke.ts';
import { k3s } from './k3s.ts';
import { kind } from './kind.ts';
import { mergedOpenshift, oldOpenshift, openshift } from './openshift.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { oldTalos, talos } from './talos.ts';

export interface ClientRuntime {
  readonly name: string;
  /** For a list of all runtimes. */
  readonly title: string;
  readonly configure: (setup: ClientSetup) => RuntimeConfiguration;
  /** Makes its files from merged mirror sets; left out if they cannot express such. */
  readonly configureMerged?: (setup: MirrorSetup) => RuntimeConfiguration;
}

export const CLIENT_RUNTIMES: readonly ClientRuntime[] = [
  { name: 'containerd', title: 'containerd 2', configure: (setup) => containerd(setup, 2) },
  { name: 'containerd-1', title: 'containerd 1', configure: (setup) => containerd(setup, 1) },
  {
    name: 'cri-o',
    title: 'CRI-O',
    configure: (setup) => containersImage(edgeAlone(setup), 'CRI-O'),
    configureMerged: (setup) => containersImage(setup, 'CRI-O'),
  },
  {
    name: 'podman',
    title: 'podman, skopeo and buildah',
    configure: (setup) => containersImage(edgeAlone(setup), 'podman'),
    configureMerged: (setup) => containersImage(setup, 'podman'),
  },
  { name: 'docker', title: 'Docker Engine', configure: docker },
  { name: 'k3s', title: 'k3s', configure: (setup) => k3s(setup, 'k3s') },
  { name: 'rke2', title: 'RKE2', configure: (setup) => k3s(setup, 'RKE2') },
  { name: 'talos', title: 'Talos from 1.12 on', configure: talos },
  { name: 'talos-1.11', title: 'Talos up to 1.11', configure: oldTalos },
  { name: 'buildkit', title: 'BuildKit', configure: buildkit },
  { name: 'kind', title: 'kind', configure: kind },
  { name: 'minikube', title: 'minikube with containerd', configure: minikube },
  { name: 'microk8s', title: 'microk8s', configure: microk8s },
  { name: 'nerdctl', title: 'nerdctl', configure: nerdctl },
  { name: 'eks', title: 'EKS with Amazon Linux 2023', configure: eks },
  { name: 'gke', title: 'GKE', configure: gke },
  { name: 'aks', title: 'AKS', configure: aks },
  { name: 'bottlerocket', title: 'Bottlerocket', configure: bottlerocket },
  {
    name: 'openshift',
    title: 'OpenShift from 4.13 on',
    configure: (setup) => openshift(edgeAlone(setup)),
    configureMerged: mergedOpenshift,
  },
  {
    name: 'openshift-4.12',
    title: 'OpenShift up to 4.12',
    configure: (setup) => oldOpenshift(edgeAlone(setup)),
  },
];
