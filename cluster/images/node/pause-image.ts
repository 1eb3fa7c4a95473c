/** The image of a pod's sandbox, which no Kubernetes object names: without it, no pod starts. */
import { pluginTable } from '../../check/containerd-config.ts';
import { at, parseTomlFile } from '../../check/parsed-file.ts';
import type { Found } from '../mention.ts';
import { imageNamed } from '../named-image.ts';

const KUBELET_FLAG = /--pod-infra-container-image(?:=|\s+)["']?([^\s"'\\]+)/g;

/**
 * Reads a file of a node: the kubelet's flags (kubeadm-flags.env, a systemd drop-in), containerd's config.toml, or
 * crio.conf. A file that names no pause image gives nothing.
 * @param file its path, by which flags and TOML are told apart, and which stands for the node
 */
export function* pauseImages(file: string, text: string): Generator<Found> {
  for (const image of isToml(file) ? yield* imagesOfToml(file, text) : imagesOfFlags(text)) {
    yield imageNamed(image, { kind: 'Node', name: file, container: 'pause', how: 'spec' }, file);
  }
}

/** CRI-O's files are TOML: crio.conf, and crio.conf.d with any name. */
function isToml(file: string): boolean {
  return file.endsWith('.toml') || /(?:^|\/)crio\.conf(?:$|\.d\/)/.test(file);
}

function imagesOfFlags(text: string): unknown[] {
  return [...text.matchAll(KUBELET_FLAG)].map(([, image]) => image);
}

function* imagesOfToml(file: string, text: string): Generator<Found, unknown[]> {
  const parsed = parseTomlFile(file, text);
  if ('problem' in parsed) {
    yield {
      kind: 'problem',
      where: file,
      message: `${parsed.problem} Its pause image was left out.`,
      isUnread: true,
    };
    return [];
  }
  const { value } = parsed;
  const version = typeof value['version'] === 'number' ? value['version'] : 1;
  const plugin = at(value, 'plugins', pluginTable(version) ?? '');
  return [
    at(plugin, 'sandbox_image'),
    at(plugin, 'pinned_images', 'sandbox'),
    at(value, 'crio', 'image', 'pause_image'),
  ].filter((image) => image !== undefined && image !== '');
}
