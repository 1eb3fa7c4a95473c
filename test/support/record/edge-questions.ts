/** Lists the requests that every edge of a recording gets: usual ones of clients, and malformed ones. */
import { digestOfTag, manifestOf, repositoryOf, type Corpus } from '../content.ts';
import { readJson, referencesOf } from '../manifest-json.ts';
import type { Question } from './edge-answer.ts';

const NOWHERE = `sha256:${'00'.repeat(32)}`;

/** @param name the name in the recording; by default the request itself */
export function question(
  path: string,
  headers: Question['headers'] = {},
  method = 'GET',
  name = [method, path, ...Object.entries(headers).map((header) => header.join(': '))].join(' '),
): Question {
  return { name, method, path, headers };
}

/** @param corpus is served below `mirror.test/` */
export function questionsFor(corpus: Corpus): Question[] {
  const app = '/v2/mirror.test/library/app';
  const repository = repositoryOf(corpus, 'library/app');
  const index = digestOfTag(repository, '1.1.0');
  const [image] = referencesOf(readJson(manifestOf(repository, index).bytes)).manifests;
  if (image === undefined) throw new Error('The index has no image.');
  const { layers, config } = referencesOf(readJson(manifestOf(repository, image.digest).bytes));
  const layer = `${app}/blobs/${layers[1]?.digest}`;
  const small = `${app}/blobs/${config?.digest}`;
  const signed = [...repositoryOf(corpus, 'library/signed').tags.values()][0];
  const questions = [
    ...both('/v2/'),
    ...both('/healthz'),
    ...both(`${app}/manifests/1.1.0`),
    ...both(`${app}/manifests/latest`),
    ...both(`${app}/manifests/${index}`),
    ...both(`${app}/manifests/${image.digest}`),
    ...both(`${app}/manifests/nowhere`),
    ...both(`${app}/manifests/${NOWHERE}`),
    ...both(small),
    ...both(layer),
    ...both(`${app}/blobs/${NOWHERE}`),
    ...both(`${app}/tags/list`),
    ...both(`${app}/referrers/${index}`),
    ...[...corpus.repositories].flatMap(([name, { tags }]) =>
      [...tags.keys()].map((tag) => question(`/v2/mirror.test/${name}/manifests/${tag}`)),
    ),
    question(`/v2/library/app/manifests/1.1.0`),
    question(`/v2/library/app/manifests/1.1.0?ns=mirror.test`),
    question(`${app}/manifests/1.1.0?ns=other.test`),
    question(`${app}/manifests/1.1.0?ns=a&ns=b`),
    question(`${app}/manifests/1.1.0`, { accept: 'application/vnd.docker.distribution.manifest.v2+json' }),
    question(`${app}/manifests/1.1.0`, { 'if-none-match': `"${index}"` }),
    question(`${app}/manifests/1.1.0`, { 'if-match': `"${NOWHERE}"` }),
    question(`/v2/mirror.test/library/signed/referrers/${signed}`),
    question(`/v2/mirror.test/library/signed/referrers/${signed}?artifactType=application/spdx%2Bjson`),
    question(`/v2/mirror.test/library/signed/referrers/${signed}?artifactType=none`),
    question(`${app}/referrers/latest`),
    ...['n=1', 'n=1&last=1.0', 'n=0', 'n=-1', 'n=x', 'n=2&last=zzz', 'last=1.0.0'].map((query) =>
      question(`${app}/tags/list?${query}`),
    ),
    question('/v2/mirror.test/library/none/tags/list'),
    question('/v2/_catalog'),
    question('/v2/_catalog?n=2'),
    question('/v2/_catalog?n=2&last=mirror.test/library/app'),
    ...rangesOf(layer),
    ...rangesOf(small),
    question(layer, { 'if-none-match': '*' }),
    question(layer, { 'if-range': '"other"', range: 'bytes=0-9' }),
    question(layer, { authorization: 'Bearer secret' }),
    question(`${app}/manifests/1.1.0`, { authorization: 'Basic eA==' }),
    ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) =>
      question(`${app}/manifests/1.1.0`, {}, method),
    ),
    question(`${app}/blobs/uploads/`, {}, 'POST'),
    ...MALFORMED.map((path) => question(path)),
  ];
  return [...new Map(questions.map((one) => [one.name, one])).values()];
}

const MALFORMED = [
  '/',
  '/v1/',
  '/v2',
  '/v2/x',
  '/favicon.ico',
  '/lifeboat.json',
  '/v2/mirror.test/library/app/manifests/',
  '/v2/mirror.test/library/app/manifests/.INVALID_MANIFEST_NAME',
  '/v2/mirror.test/library/app/manifests/sha256:abc',
  '/v2/mirror.test/library/app/blobs/latest',
  '/v2/mirror.test/library%2Fapp/manifests/latest',
  '/v2/mirror.test/Library/app/manifests/latest',
  '/v2/mirror.test/library/app/_tags/latest',
  '/v2/mirror.test/../lifeboat.json',
  '/v2/mirror.test/%2e%2e/manifests/latest',
  '/v2/mirror.test/library/app/manifests/%',
  '/v2/mirror.test/library/app/manifests/%ff',
  `/v2/mirror.test/${'a'.repeat(300)}/manifests/latest`,
];

function both(path: string): Question[] {
  return [question(path), question(path, {}, 'HEAD')];
}

function rangesOf(path: string): Question[] {
  const ranges = [
    '0-9',
    '10-',
    '-5',
    '500-0',
    '99999999-',
    '0-0,5-6',
    'x',
    '0-9,',
    `${'0-0,'.repeat(45)}1-1`,
  ];
  return ranges.map((range) => question(path, { range: `bytes=${range}` }));
}
