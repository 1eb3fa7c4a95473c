/** Texts in which operators name images, and texts that look like it. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { referencesInText } from '../../../cluster/images/text-references.ts';
import { formatReference } from '../../../core/reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

function named(text: string): string[] {
  return referencesInText(text).map(formatReference);
}

test.for<readonly [string, readonly string[]]>([
  [
    '--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.75.0',
    ['quay.io/prometheus-operator/prometheus-config-reloader:v0.75.0'],
  ],
  [
    '--acme-http01-solver-image=quay.io/jetstack/cert-manager-acmesolver:v1.15.1',
    ['quay.io/jetstack/cert-manager-acmesolver:v1.15.1'],
  ],
  [
    `registry.redhat.io/openshift4/ose-kube-rbac-proxy@${DIGEST}`,
    [`registry.redhat.io/openshift4/ose-kube-rbac-proxy@${DIGEST}`],
  ],
  [
    `quay.io/strimzi/kafka:0.42.0-kafka-3.7.1@${DIGEST}`,
    [`quay.io/strimzi/kafka:0.42.0-kafka-3.7.1@${DIGEST}`],
  ],
  [
    '\n3.7.0=quay.io/strimzi/kafka:0.42.0-kafka-3.7.0\n3.7.1=quay.io/strimzi/kafka:0.42.0-kafka-3.7.1\n',
    ['quay.io/strimzi/kafka:0.42.0-kafka-3.7.0', 'quay.io/strimzi/kafka:0.42.0-kafka-3.7.1'],
  ],
  ['-nginx-image nginx.example.com/team/nginx:1.27', ['nginx.example.com/team/nginx:1.27']],
  ['--pause=registry.k8s.io/pause:3.9', ['registry.k8s.io/pause:3.9']],
  ['localhost:5000/app:1.0', ['localhost:5000/app:1.0']],
  ['localhost/app:1.0', ['localhost/app:1.0']],
  ['registry:5000/app:v2', ['registry:5000/app:v2']],
  ['10.0.0.7:5000/team/app:v2', ['10.0.0.7:5000/team/app:v2']],
  [
    '111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.2',
    ['111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.2'],
  ],
  ['registry.gitlab.com/group/app:main', ['registry.gitlab.com/group/app:main']],
  ['docker.io/library/postgres:15', ['docker.io/library/postgres:15']],
  ['ghcr.io/a/b:latest', ['ghcr.io/a/b:latest']],
  ['{"sidecar":{"image":"ghcr.io/a/b:v1"},"url":"https://x.example.com:8443/y/z:1"}', ['ghcr.io/a/b:v1']],
  ['{image: ghcr.io/a/b:v1}', ['ghcr.io/a/b:v1']],
  [
    'global:\n  hub: docker.io/istio\n  image: "docker.io/istio/proxyv2:1.22.3"\n',
    ['docker.io/istio/proxyv2:1.22.3'],
  ],
  [String.raw`{"config":"image: x\nghcr.io/a/b:v1\nend"}`, ['ghcr.io/a/b:v1']],
  [String.raw`"{\"image\":\"registry.example.com/a/b:v1\"}"`, ['registry.example.com/a/b:v1']],
  ['ghcr.io/a/b:v1,ghcr.io/a/c:v2;ghcr.io/a/b:v1', ['ghcr.io/a/b:v1', 'ghcr.io/a/c:v2']],
  ['It starts ghcr.io/a/b:v1.', ['ghcr.io/a/b:v1']],
  ['docker run -it ghcr.io/a/b:v1 sh -c "echo"', ['ghcr.io/a/b:v1']],
])('%s names images', ([text, expected]) => {
  expect(named(text)).toEqual(expected);
});

test.for([
  // Addresses
  'example.com/path:80',
  'registry.example.com/path:80',
  'node:8080/a/b:v1',
  'http://host:80/x:1',
  'https://ghcr.io/a/b:v1',
  'oci://ghcr.io/a/b:v1',
  'https://x.example.com/?image=ghcr.io/a/b:v1',
  '1.2.3.4:8080',
  '1.2.3.4/a/b:v1',
  'foo.svc.cluster.local:9090/metrics',
  'foo.svc.cluster.local:9090',
  '[::1]:8080/a/b:1',
  'user@example.com',
  'user@example.com/a/b:v1',
  'user:pass@ghcr.io/a/b:v1',
  '10.0.0.0/8:1',
  // Labels, API groups, resources
  'kubernetes.io/arch',
  'app.kubernetes.io/name:x',
  'app.kubernetes.io/version:v1.2',
  'node.kubernetes.io/instance-type:m5.large',
  'example.com/tier:v1',
  'example.com/team/tier:frontend',
  'cloud.google.com/gke-nodepool:pool-1',
  'helm.sh/chart:cert-manager-1.15',
  'apps.example.com/v1/widgets:w1',
  'arn:aws:iam::123456789012:role/a/b:1',
  // Files, modules, logs
  'foo.yaml',
  'values.yaml/a/b:1',
  '/etc/config/foo.yaml:12',
  'buf.build/grpc/go:v1.5.1',
  'github.com/org/repo',
  'github.com/org/repo@v1.2.3',
  'github.com/org/repo/pkg:v1',
  'k8s.io/client-go/tools/cache/reflector.go:229',
  'example.com/module/file.go:42',
  'sigs.k8s.io/controller-runtime/pkg/log:12',
  // Times and versions
  '2024-07-01T12:00:00.000Z',
  '01.02.2024/12/30:15',
  '1.27.3',
  'v1.2.3/4/5:6',
  // Names without a registry, or without a tag
  'nginx:1.27',
  'library/nginx:1.27',
  'ghcr.io/a/b',
  'ghcr.io/a/b:',
  'ghcr.io/a/b@sha256:abc',
  'GHCR.io/A/B:v1',
  // Templates
  'ghcr.io/a/b:{{ .Tag }}',
  'ghcr.io/a/b:v1-{{ .Arch }}',
  'ghcr.io/a/b:v1-{{.Arch}}',
  '{{.Host}}/a.b/c:v1',
  '{{ .Host }}/a.b/c:v1',
  'ghcr.io/a/b:v${VERSION}',
  'ghcr.io/a/b:v1-$(ARCH)',
  'ghcr.io/a/b:v1-<arch>',
  'ghcr.io/a/%s:v1',
  '',
])('%s names no image', (text) => {
  expect(named(text)).toEqual([]);
});

test('a long text is read in linear time', () => {
  const texts = ['a', 'a.', 'a/', ':', '}', 'a=', '\\n', '.!', 'a:/'].map(
    (unit) => unit.repeat(100_000 / unit.length) + 'a /',
  );
  const start = performance.now();
  expect(texts.flatMap(named)).toEqual([]);
  expect(performance.now() - start).toBeLessThan(3_000);
});

test('property: every reference has a registry in the text, and a tag or a digest', () => {
  const words = fc.constantFrom(
    'ghcr.io',
    'a',
    '/',
    ':',
    '@',
    DIGEST,
    '.',
    '{',
    '}',
    '=',
    ' ',
    '"',
    '\\n',
    '1',
    '-',
    ':5000',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
      const text = parts.join('');
      for (const { repository, tag, digest } of referencesInText(text)) {
        expect(tag ?? digest).toBeDefined();
        expect(text).toContain(repository.replace(/_(\d+)\//, ':$1/').replace(/^[^/]*\//, '/'));
      }
    }),
  );
});
