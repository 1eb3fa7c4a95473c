import { expect, test } from 'vitest';
import { imagesInPlainList } from '../../../../cluster/images/files/plain-list.ts';
import { shown } from './shown.ts';

test('each line is an image, without its comment', () => {
  const text = `\uFEFF# all of them
alpine

  nginx:1.27   # the edge
ghcr.io/a/b@sha256:${'0'.repeat(64)}\r
registry.example.com:5000/c:1
	#done`;
  expect(shown(imagesInPlainList(text, 'images.txt'))).toEqual([
    'docker.io/library/alpine',
    'docker.io/library/nginx:1.27',
    `ghcr.io/a/b@sha256:${'0'.repeat(64)}`,
    'registry.example.com:5000/c:1',
  ]);
});

test('a line that is no image is a problem, and the others are read', () => {
  expect(shown(imagesInPlainList('a:1\n\nnginx 1.27\nhttps://b\nc:1', 'l.list'))).toEqual([
    'docker.io/library/a:1',
    '! l.list:3: "docker.io/nginx 1.27" is not a valid name: "nginx 1.27" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them). It was left out.',
    '! l.list:4: "https://b" is not a valid name: leave out "https://": an image is a host and a path, as in docker.io/library/alpine. It was left out.',
    'docker.io/library/c:1',
  ]);
});

test('the id of an image on one machine is no name', () => {
  const id = `sha256:${'0'.repeat(64)}`;
  expect(shown(imagesInPlainList(id, 'l.list'))).toEqual([
    `! l.list:1: "${id}" is the id of an image on one machine, and no name. It was left out.`,
  ]);
});

test('a mention says of which file it is', () => {
  expect([...imagesInPlainList('a', 'x/l.list')]).toEqual([
    {
      kind: 'mention',
      reference: { repository: 'docker.io/library/a', tag: undefined, digest: undefined },
      use: { kind: 'list', name: 'x/l.list', how: 'spec' },
    },
  ]);
});
