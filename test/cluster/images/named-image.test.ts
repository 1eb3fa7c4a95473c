import { expect, test } from 'vitest';
import { imageNamed } from '../../../cluster/images/named-image.ts';
import { lineOf } from './found-line.ts';

const USE = { kind: 'Deployment', namespace: 'default', name: 'web', container: 'app', how: 'spec' } as const;

function read(value: unknown): string {
  return lineOf(imageNamed(value, USE, 'a.yaml: Deployment default/web'));
}

test.for([
  ['nginx', 'docker.io/library/nginx'],
  [' nginx:1.27\n', 'docker.io/library/nginx:1.27'],
  ['registry:5000/a/b@sha256:' + 'a'.repeat(64), 'registry:5000/a/b@sha256:' + 'a'.repeat(64)],
] as const)('%s is a reference', ([text, expected]) => {
  expect(read(text)).toBe(`spec Deployment default/web[app]: ${expected}`);
});

test.for<readonly [unknown, string]>([
  ['{{ .Values.image }}', '"{{ .Values.image }}" is a template that was not rendered.'],
  ['nginx:${TAG}', '"nginx:${TAG}" is a template that was not rendered.'],
  ['docker.io/{IMAGE}', '"docker.io/{IMAGE}" is a template that was not rendered.'],
  ['$IMAGE', '"$IMAGE" is a template that was not rendered.'],
  ['$(params.image)', '"$(params.image)" is a template that was not rendered.'],
  ['ko://example.com/cmd/app', '"ko://example.com/cmd/app" is a template that was not rendered.'],
  ['Nginx', '"docker.io/Nginx" is not a valid name'],
  ['', 'its image is empty, because something fills it in later.'],
  [' ', 'its image is empty, because something fills it in later.'],
  ['auto', 'its image is "auto", because something fills it in later.'],
  [1.27, 'its image is not a text but 1.27. Put it in quotes.'],
  [{ repository: 'nginx' }, 'its image is not a text but a map of keys. Write one name.'],
  [['nginx'], 'its image is not a text but a list. Write one name.'],
  ['sha256:' + 'a'.repeat(64), 'is the id of an image on one machine, and no name.'],
])('%j is a problem that names object, container and text', ([value, sentence]) => {
  const line = read(value);
  expect(line).toContain('PROBLEM a.yaml: Deployment default/web: container "app": ');
  expect(line).toContain(sentence);
  expect(line).toMatch(/The image was left out\.$/);
});
