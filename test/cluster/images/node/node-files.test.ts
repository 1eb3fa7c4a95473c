import { expect, test } from 'vitest';
import { imagesOfCrictl, isCrictlList } from '../../../../cluster/images/node/crictl-images.ts';
import { pauseImages } from '../../../../cluster/images/node/pause-image.ts';
import { linesOf } from '../found-line.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test('crictl lists images with tags and digests', () => {
  const images = [
    {
      id: DIGEST,
      repoTags: ['registry.k8s.io/pause:3.9'],
      repoDigests: [`registry.k8s.io/pause@${DIGEST}`],
      pinned: true,
    },
    { id: DIGEST, repoTags: [], repoDigests: [`quay.io/a/b@${DIGEST}`] },
    { id: DIGEST, repoTags: [], repoDigests: [] },
    null,
  ];
  expect(isCrictlList({ images })).toBe(true);
  expect(linesOf(imagesOfCrictl({ images }, 'n1.json'))).toEqual([
    `running Node n1.json: registry.k8s.io/pause:3.9 ${DIGEST}`,
    `running Node n1.json: quay.io/a/b@${DIGEST} ${DIGEST}`,
  ]);
});

test.for([null, [], {}, { kind: 'ImageList', images: [] }])('%j is no list of crictl', (value) => {
  expect(isCrictlList(value)).toBe(false);
});

test('anything else is a problem', () => {
  expect(linesOf(imagesOfCrictl({ images: 1 }, 'n1.json'))).toEqual([
    'PROBLEM n1.json: this is not what "crictl images -o json" prints, and was left out.',
  ]);
});

const SANDBOX = 'sandbox_image = "registry.k8s.io/pause:3.9"';
const CONFIG = '/etc/containerd/config.toml';

test.for<readonly [string, string]>([
  [
    '/var/lib/kubelet/kubeadm-flags.env',
    'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd.sock --pod-infra-container-image=registry.k8s.io/pause:3.9"\n',
  ],
  [
    '/etc/systemd/system/kubelet.service.d/10.conf',
    'ExecStart=kubelet --pod-infra-container-image registry.k8s.io/pause:3.9',
  ],
  [CONFIG, `[plugins.cri]\n${SANDBOX}`],
  [CONFIG, `version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n${SANDBOX}`],
  [
    CONFIG,
    `version = 3\n[plugins."io.containerd.cri.v1.images".pinned_images]\nsandbox = "registry.k8s.io/pause:3.9"`,
  ],
  ['/etc/crio/crio.conf', '[crio.image]\npause_image = "registry.k8s.io/pause:3.9"'],
  ['/etc/crio/crio.conf.d/10-pause', '[crio.image]\npause_image = "registry.k8s.io/pause:3.9"'],
])('%s names the pause image', ([file, text]) => {
  expect(linesOf(pauseImages(file, text))).toEqual([`spec Node ${file}[pause]: registry.k8s.io/pause:3.9`]);
});

test.for<readonly [string, string]>([
  [CONFIG, `version = 3\n[plugins."io.containerd.grpc.v1.cri"]\n${SANDBOX}`],
  [CONFIG, `version = 2\n# ${SANDBOX}`],
  ['/etc/crio/crio.conf', '[crio.image]\npause_image = ""'],
  ['/var/lib/kubelet/kubeadm-flags.env', 'KUBELET_KUBEADM_ARGS=""'],
  ['/var/lib/kubelet/config.yaml', 'kind: KubeletConfiguration'],
])('%s with %s names none', ([file, text]) => {
  expect(linesOf(pauseImages(file, text))).toEqual([]);
});

test('files with mistakes are problems', () => {
  expect(linesOf(pauseImages(CONFIG, 'a = \n'))).toEqual([
    expect.stringMatching(
      /^PROBLEM .*config\.toml: .*config\.toml:1:\d+ is not valid TOML .* Its pause image was left out\.$/,
    ),
  ]);
  expect(linesOf(pauseImages('flags.env', '--pod-infra-container-image=${IMAGE}'))).toEqual([
    expect.stringContaining('"${IMAGE}" is a template that was not rendered'),
  ]);
  expect(linesOf(pauseImages(CONFIG, '[plugins.cri]\nsandbox_image = 3'))).toEqual([
    expect.stringContaining('its image is not a text but 3.'),
  ]);
});
