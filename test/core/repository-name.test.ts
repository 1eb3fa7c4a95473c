import { expect, test } from 'vitest';
import {
  hostOf,
  looksLikeUpstream,
  parseRepository,
  parseUpstream,
  pathOf,
  repositoryOf,
  repositoryWithin,
  upstreamOf,
} from '../../core/reference.ts';
import { thrown } from './thrown.ts';

const quay = parseUpstream('quay.io');

test.for<readonly [string, string]>([
  ['nginx', 'docker.io/library/nginx'],
  ['grafana/grafana', 'docker.io/grafana/grafana'],
  ['docker.io/nginx', 'docker.io/library/nginx'],
  ['docker.io/library/nginx', 'docker.io/library/nginx'],
  ['index.docker.io/nginx', 'docker.io/library/nginx'],
  ['registry-1.docker.io/library/nginx', 'docker.io/library/nginx'],
  ['Docker.IO/nginx', 'docker.io/library/nginx'],
  ['quay.io/etcd', 'quay.io/etcd'],
  ['QUAY.io/coreos/etcd', 'quay.io/coreos/etcd'],
  ['registry.k8s.io/kube-proxy', 'registry.k8s.io/kube-proxy'],
  ['localhost/app', 'localhost/app'],
  ['LOCALHOST/app', 'localhost/app'],
  ['localhost:5000/app', 'localhost_5000/app'],
  ['localhost_5000/app', 'localhost_5000/app'],
  ['registry:5000/team/app', 'registry_5000/team/app'],
  ['127.0.0.1:5000/app', '127.0.0.1_5000/app'],
  ['quay.io:00080/app', 'quay.io_80/app'],
  // The default port of https does not belong to a name.
  ['quay.io:443/app', 'quay.io/app'],
  ['quay.io:00443/app', 'quay.io/app'],
  ['quay.io_443/app', 'quay.io/app'],
  ['index.docker.io:443/nginx', 'docker.io/library/nginx'],
  ['localhost:443/app', 'localhost/app'],
  // `registry` keeps its port, because without it the host would be read as a part of the path.
  ['registry:443/app', 'registry_443/app'],
  // A path may begin with a segment that looks like a host.
  ['gcr.io/google.com/cloudsdktool/x', 'gcr.io/google.com/cloudsdktool/x'],
  ['registry.gitlab.com/group_1/app', 'registry.gitlab.com/group_1/app'],
  ['registry.gitlab.com/localhost/app', 'registry.gitlab.com/localhost/app'],
  // Only the first segment can be an upstream, and only one that looks like it.
  ['docker.io/quay.io/app', 'docker.io/quay.io/app'],
  ['team/quay.io/app', 'docker.io/team/quay.io/app'],
  ['a-b__c/d---e/f_g.h', 'docker.io/a-b__c/d---e/f_g.h'],
  ['docker.io', 'docker.io/library/docker.io'],
  ['localhost', 'docker.io/library/localhost'],
])('%s is the repository %s', ([name, repository]) => {
  expect(parseRepository(name)).toBe(repository);
  expect(parseRepository(repository)).toBe(repository);
});

const COMPONENT_RULE =
  'is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them).';
const HOST_RULE = 'a registry is a host name, with ":" or "_" and a port if it has one.';
const IPV6_RULE = 'IPv6 literals cannot be part of an image name; use a host name.';
const EMPTY = 'a part of the path is empty.';

test.for<readonly [string, string, string]>([
  ['', 'docker.io/', EMPTY],
  ['/', 'docker.io//', EMPTY],
  ['/nginx', 'docker.io//nginx', EMPTY],
  ['nginx/', 'docker.io/nginx/', EMPTY],
  ['quay.io/', 'quay.io/', EMPTY],
  ['quay.io//etcd', 'quay.io//etcd', EMPTY],
  ['a//b', 'docker.io/a//b', EMPTY],
  ['Nginx', 'docker.io/Nginx', `"Nginx" ${COMPONENT_RULE}`],
  ['quay.io/_tags/x', 'quay.io/_tags/x', `"_tags" ${COMPONENT_RULE}`],
  ['quay.io/a_/x', 'quay.io/a_/x', `"a_" ${COMPONENT_RULE}`],
  ['quay.io/a___b', 'quay.io/a___b', `"a___b" ${COMPONENT_RULE}`],
  ['quay.io/a..b', 'quay.io/a..b', `"a..b" ${COMPONENT_RULE}`],
  ['quay.io/a._b', 'quay.io/a._b', `"a._b" ${COMPONENT_RULE}`],
  ['quay.io/-a', 'quay.io/-a', `"-a" ${COMPONENT_RULE}`],
  ['quay.io/..', 'quay.io/..', `".." ${COMPONENT_RULE}`],
  ['quay.io/a/../b', 'quay.io/a/../b', `".." ${COMPONENT_RULE}`],
  ['quay.io/%2e%2e/b', 'quay.io/%2e%2e/b', `"%2e%2e" ${COMPONENT_RULE}`],
  ['quay.io/a\\b', 'quay.io/a\\b', `"a\\b" ${COMPONENT_RULE}`],
  ['quay.io/a b', 'quay.io/a b', `"a b" ${COMPONENT_RULE}`],
  ['quay.io/a\n', 'quay.io/a\n', `"a\n" ${COMPONENT_RULE}`],
  ['quay.io/é', 'quay.io/é', `"é" ${COMPONENT_RULE}`],
  ['nginx:1', 'docker.io/nginx:1', `"nginx:1" ${COMPONENT_RULE}`],
  ['../x', '..', HOST_RULE],
  ['./x', '.', HOST_RULE],
  ['.io/x', '.io', HOST_RULE],
  ['quay.io./x', 'quay.io.', HOST_RULE],
  ['-a.io/x', '-a.io', HOST_RULE],
  ['a-.io/x', 'a-.io', HOST_RULE],
  ['a_b.io/x', 'a_b.io', HOST_RULE],
  ['a__5000/x', 'a__5000', HOST_RULE],
  ['_5000/x', '_5000', HOST_RULE],
  [':5000/x', ':5000', HOST_RULE],
  ['quay.io:/x', 'quay.io:', HOST_RULE],
  ['quay.io:http/x', 'quay.io:http', HOST_RULE],
  ['user@quay.io/x', 'user@quay.io', HOST_RULE],
  ['https://quay.io/x', 'https:', HOST_RULE],
  ['\u212Aay.io/x', '\u212Aay.io', HOST_RULE],
  [`${'a'.repeat(64)}.io/x`, `${'a'.repeat(64)}.io`, HOST_RULE],
  [`${'a.'.repeat(127)}io/x`, `${'a.'.repeat(127)}io`, HOST_RULE],
  ['quay.io:0/x', 'quay.io:0', '0 is not a port (1 to 65535).'],
  ['quay.io:65536/x', 'quay.io:65536', '65536 is not a port (1 to 65535).'],
  ['[::1]/x', '[::1]', IPV6_RULE],
  ['[::1]:5000/x', '[::1]:5000', IPV6_RULE],
  ['[fe80]/x', '[fe80]', IPV6_RULE],
  ['::1/x', '::1', IPV6_RULE],
])('%j is refused', ([name, quoted, reason]) => {
  expect(thrown(() => parseRepository(name))).toBe(
    `NameInvalidError: "${quoted}" is not a valid name: ${reason}`,
  );
});

test('a name has at most 255 characters, its upstream included', () => {
  const longest = `quay.io/${'x'.repeat(247)}`;
  expect(parseRepository(longest)).toBe(longest);
  expect(thrown(() => parseRepository(`${longest}x`))).toBe(
    `NameInvalidError: "${longest}x" is not a valid name: it is 256 characters long, and 255 is the most that clients accept.`,
  );
});

test('an error quotes only the beginning of a long text', () => {
  const text = 'X'.repeat(10_000);
  expect(thrown(() => parseRepository(text))).toBe(
    `NameInvalidError: "docker.io/${'X'.repeat(290)}" is not a valid name: "${'X'.repeat(100)}" ${COMPONENT_RULE}`,
  );
});

test('another default upstream applies to names without an upstream, and adds no library/', () => {
  expect(parseRepository('etcd', quay)).toBe('quay.io/etcd');
  expect(parseRepository('coreos/etcd', quay)).toBe('quay.io/coreos/etcd');
  expect(parseRepository('docker.io/nginx', quay)).toBe('docker.io/library/nginx');
});

test.for<readonly [string, string, string]>([
  ['gcr.io', 'google.com/cloudsdktool/x', 'gcr.io/google.com/cloudsdktool/x'],
  ['gcr.io', 'gcr.io/google.com/cloudsdktool/x', 'gcr.io/google.com/cloudsdktool/x'],
  ['gcr.io', 'GCR.io:443/a', 'gcr.io/a'],
  ['gcr.io', 'gcr.io', 'gcr.io/gcr.io'],
  ['gcr.io', 'gcr.io/gcr.io/a', 'gcr.io/gcr.io/a'],
  ['docker.io', 'nginx', 'docker.io/library/nginx'],
  ['docker.io', 'index.docker.io/nginx', 'docker.io/library/nginx'],
  ['docker.io', 'ghcr.io/a', 'docker.io/ghcr.io/a'],
  ['registry:5000', 'registry_5000/a', 'registry_5000/a'],
  ['registry:5000', 'registry_5001/a', 'registry_5000/registry_5001/a'],
])('upstream %s: the name %s is read as %s', ([upstream, name, repository]) => {
  expect(repositoryWithin(parseUpstream(upstream), name)).toBe(repository);
});

test('a name that cannot be a path of its upstream is refused, even if it could be a host', () => {
  expect(thrown(() => repositoryWithin(quay, 'GHCR.io/a'))).toBe(
    `NameInvalidError: "quay.io/GHCR.io/a" is not a valid name: "GHCR.io" ${COMPONENT_RULE}`,
  );
  expect(thrown(() => repositoryWithin(quay, '[::1]:5000/a'))).toBe(
    `NameInvalidError: "quay.io/[::1]:5000/a" is not a valid name: "[::1]:5000" ${COMPONENT_RULE}`,
  );
});

test('a repository is the join of its upstream and the path in it', () => {
  const repository = repositoryOf(parseUpstream('registry.internal:5000'), 'team/app');
  expect(repository).toBe('registry.internal_5000/team/app');
  expect(upstreamOf(repository)).toBe('registry.internal_5000');
  expect(pathOf(repository)).toBe('team/app');
});

test.for<readonly [string, string, string]>([
  ['docker.io', 'docker.io', 'registry-1.docker.io'],
  ['index.docker.io', 'docker.io', 'registry-1.docker.io'],
  ['registry-1.docker.io', 'docker.io', 'registry-1.docker.io'],
  ['Quay.IO', 'quay.io', 'quay.io'],
  ['localhost', 'localhost', 'localhost'],
  ['localhost:5000', 'localhost_5000', 'localhost:5000'],
  ['localhost_5000', 'localhost_5000', 'localhost:5000'],
  ['registry:5000', 'registry_5000', 'registry:5000'],
  ['ghcr.io:443', 'ghcr.io', 'ghcr.io'],
  ['ghcr.io:80', 'ghcr.io_80', 'ghcr.io:80'],
  ['registry-1.docker.io:443', 'docker.io', 'registry-1.docker.io'],
  ['registry:443', 'registry_443', 'registry:443'],
  ['10.0.0.1:65535', '10.0.0.1_65535', '10.0.0.1:65535'],
  // A port belongs to the name, because another port of the host need not be Docker Hub.
  ['docker.io:5000', 'docker.io_5000', 'docker.io:5000'],
  ['index.docker.io:5000', 'index.docker.io_5000', 'index.docker.io:5000'],
])('%s is the upstream %s, dialled at %s', ([text, upstream, host]) => {
  expect(parseUpstream(text)).toBe(upstream);
  expect(hostOf(parseUpstream(text))).toBe(host);
});

test.for(['registry', 'docker', 'library', 'LOCAL', 'localhost5000'])(
  '%s is not an upstream, because as the first part of a name it belongs to the path',
  (text) => {
    expect(looksLikeUpstream(text)).toBe(false);
    expect(thrown(() => parseUpstream(text))).toBe(
      `NameInvalidError: "${text}" is not a valid name: a registry's host contains a ".", has a port, or is "localhost"; anything else is read as a part of the path.`,
    );
  },
);

test.for<readonly [string, boolean]>([
  ['docker.io', true],
  ['a.b', true],
  ['localhost', true],
  ['Localhost', true],
  ['registry_5000', true],
  ['registry', false],
  ['registry_', false],
  ['registry_5000x', false],
  ['5000', false],
  ['', false],
])('%j looks like an upstream: %s', ([segment, expected]) => {
  expect(looksLikeUpstream(segment)).toBe(expected);
});
