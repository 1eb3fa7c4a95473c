import { expect, test } from 'vitest';
import {
  FORMAT_START_BYTES,
  formatOf,
  type ImageFileFormat,
} from '../../../../cluster/images/files/format.ts';

const FROM = 'FROM alpine\n';
const COMPOSE = 'services:\n  # the web\n\n  web:\n    image: a\n';
const WORKFLOW = 'on: push\njobs:\n  a: {}\n';
const PIPELINE = 'test:\n  image: ruby\n  script: [x]\n';
const POD = 'apiVersion: v1\nkind: Pod\n';
const POD_JSON = '{"kind": "Pod", "apiVersion": "v1"}';
const CRICTL = '{"images": [{"id": "sha256:0", "repoTags": ["a:1"]}]}';

test.for<[format: ImageFileFormat, path: string, text: string]>([
  ['Dockerfile', 'Dockerfile', ''],
  ['Dockerfile', 'a/Containerfile', ''],
  ['Dockerfile', 'a/dockerfile', ''],
  ['Dockerfile', 'a\\Dockerfile', ''],
  ['Dockerfile', 'Dockerfile.dev', FROM],
  ['Dockerfile', 'Dockerfile-web', FROM],
  ['Dockerfile', 'Dockerfile_windows', `# x\r\n${FROM}`],
  ['Dockerfile', 'Containerfile.ci', FROM],
  ['Dockerfile', 'web.dockerfile', ''],
  ['Dockerfile', 'web.Dockerfile', ''],
  ['Dockerfile', '-', `# syntax=x\nARG A\n${FROM}`],
  ['Dockerfile', '/dev/stdin', FROM],
  ['unknown', 'Dockerfile.dockerignore', FROM],
  ['unknown', 'Dockerfile.md', FROM],
  ['unknown', 'Dockerfile.nanorc', 'syntax "Dockerfile"'],
  ['unknown', 'Dockerfiles.ts', FROM],
  ['unknown', 'dockerfile.ts', FROM],
  ['unknown', 'Dockerfile', 'FROM a\0'],
  ['compose', 'compose.yaml', ''],
  ['compose', 'a/compose.override.yml', ''],
  ['compose', 'docker-compose.yml', ''],
  ['compose', 'docker-compose-dev.yaml', ''],
  ['compose', 'compose2.yml', ''],
  ['compose', 'stack.yml', COMPOSE],
  ['compose', 'stack.yml', COMPOSE.replaceAll('\n', '\r\n')],
  ['unknown', 'composer.yml', ''],
  ['unknown', 'compose.json', ''],
  ['github-actions', '.github/workflows/ci.yml', ''],
  ['github-actions', 'a/.github/workflows/ci.yaml', ''],
  ['github-actions', '.forgejo/workflows/ci.yaml', ''],
  ['github-actions', 'ci.yml', WORKFLOW],
  ['github-actions', 'action.yml', 'name: x\nruns:\n  using: docker\n'],
  ['unknown', 'action.yml', 'name: x\n'],
  ['unknown', '.github/dependabot.yml', 'version: 2\n'],
  ['gitlab-ci', '.gitlab-ci.yml', ''],
  ['gitlab-ci', 'a/.gitlab-ci.yaml', ''],
  ['gitlab-ci', 'build.gitlab-ci.yml', ''],
  ['gitlab-ci', 'ci/build.yml', PIPELINE],
  ['gitlab-ci', 'ci/build.yml', `services:\n  - redis\n${PIPELINE}`],
  ['unknown', 'playbook.yml', '---\n- hosts: all\n  script: x\n  rules: y\n'],
  ['kubernetes', 'pod.yaml', POD],
  ['kubernetes', 'pod.yml', `# x\n---\n${POD}`],
  ['kubernetes', 'list.yaml', 'apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n'],
  ['kubernetes', 'pods.yaml', '- apiVersion: v1\n  kind: Pod\n'],
  ['kubernetes', 'pods.json', POD_JSON],
  ['kubernetes', 'pods.yaml', POD_JSON],
  ['kubernetes', '-', POD_JSON],
  ['kubernetes', '-', POD],
  ['kubernetes', 'nodes.json', `{"apiVersion": "v1", "kind": "Node", "status": ${CRICTL}}`],
  ['unknown', 'Chart.yaml', 'apiVersion: v2\nname: x\n'],
  ['unknown', 'values.yaml', 'image:\n  repository: a\n'],
  ['unknown', 'pod.ts', POD],
  ['crictl', 'images.json', CRICTL],
  ['crictl', '-', CRICTL],
  ['unknown', 'package.json', '{"name": "x"}'],
  ['list', 'images.txt', 'alpine\nbusybox\n'],
  ['list', 'images.txt', 'alpine\nthis is wrong\n'],
  ['list', 'images.txt', ''],
  ['list', 'mirror.list', '# x\nalpine\n'],
  ['list', 'mirror.txt', 'alpine:3\nbusybox\nthis is wrong\n'],
  ['list', 'mirror', 'alpine:3\nghcr.io/a/b@sha256:' + '0'.repeat(64)],
  ['list', '-', 'alpine\n'],
  ['unknown', 'mirror', 'alpine:3\nthis is wrong\n'],
  ['unknown', 'mirror', 'alpine\n'],
  ['unknown', 'requirements.txt', 'flask\nrequests\n'],
  ['unknown', 'vendor/modules.txt', '# github.com/a/b v1.0.0\ngithub.com/a/b\n'],
  ['unknown', 'images.txt', 'These are\nthe images.\nalpine\n'],
  ['unknown', 'notes.txt', 'These are the images.\n'],
  ['unknown', 'VERSION', '1.27.3\n'],
  ['unknown', 'image', '1.27.3\n'],
  ['unknown', '-', ''],
  ['unknown', 'LICENSE', ''],
  ['unknown', 'src/main.go', 'package main\n'],
])('%s: %s with %j', ([format, path, text]) => {
  expect(formatOf(path, text)).toBe(format);
  expect(formatOf(path, `\uFEFF${text}`)).toBe(format);
});

test('the last line of a text that is cut off is not judged', () => {
  const start = `${'alpine:3\n'.repeat(FORMAT_START_BYTES / 9)}UPPER CASE`.slice(0, FORMAT_START_BYTES);
  expect(start).toHaveLength(FORMAT_START_BYTES);
  expect(formatOf('mirror', start)).toBe('list');
  expect(formatOf('mirror', start.slice(1))).toBe('unknown');
});
