/** lifeboat.schema.json, with which editors check and explain the file, accepts what a run accepts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { schemaText } from '../../../mirror-job/configuration/json-schema.ts';
import { isObject, type JsonObject } from '../../support/manifest-json.ts';

const TOP = join(import.meta.dirname, '../../..');
const committed: JsonObject = JSON.parse(await readFile(join(TOP, 'lifeboat.schema.json'), 'utf8'));
const example = await readFile(join(TOP, 'lifeboat.example.yaml'), 'utf8');

test('lifeboat.schema.json is up to date (if not: "npm run schema")', () => {
  expect(committed).toEqual(JSON.parse(schemaText()));
});

/** Reads the schema back with a reader of JSON Schemas, so that the definition itself is not asked. */
const validator = z.fromJSONSchema(committed);

function isAccepted(text: string): boolean {
  return validator.safeParse(parse(text)).success;
}

const STORE = 'store: { bucket: b, region: r }\n';

test.each([
  ['the example', example],
  [
    'patterns and no images',
    `${STORE}onDemand: [docker.io/library/*, { source: quay.io/a/*, maxSize: 8GiB }]`,
  ],
  ['several stores', 'stores: [{ bucket: b, region: r }, { bucket: c, region: r }]\nimages: [a:1]'],
  ['a short image', `${STORE}images: [alpine:3]`],
  ['an address', 'store: { endpoint: "https://s3.example.com", bucket: b }\nimages: [a:1]'],
  ['a variable for an address', 'store: { endpoint: "${S3_ENDPOINT}", bucket: b }\nimages: [a:1]'],
  ['a layout', `${STORE}images: [{ source: "oci:./app.tar", name: images.internal/app, tags: ["*"] }]`],
  [
    'no referrers',
    `${STORE}defaults: { referrers: false }\nimages: [{ source: a:1, referrers: { every: 7d } }]`,
  ],
])('the schema accepts %s', (_, text) => {
  expect(isAccepted(text)).toBe(true);
});

test.each([
  ['an unknown key of one of several stores', 'stores: [{ bucket: b, regoin: r }]\nimages: [a:1]'],
  ['an unknown key of a pattern', `${STORE}onDemand: [{ source: quay.io/a/*, size: 8GiB }]`],
  ['no image', `${STORE}images: []`],
  ['an unknown key', `${STORE}imags: [a:1]\nimages: [a:1]`],
  ['an unknown key of an image', `${STORE}images: [{ source: a, tag: x }]`],
  ['a text for a switch', `${STORE}upstreams: { a.b: { insecure: "yes" } }\nimages: [a:1]`],
  ['a tag that YAML reads as a number', `${STORE}images: [{ source: a, tags: [3.20] }]`],
  ['an audience that there is not', 'store: { bucket: b, audience: all }\nimages: [a:1]'],
  ['a name with capitals', `name: Prod\n${STORE}images: [a:1]`],
])('the schema refuses %s', (_, text) => {
  expect(isAccepted(text)).toBe(false);
});

/** The paths of all keys that have no description. */
function undescribed(schema: unknown, path: string): string[] {
  if (Array.isArray(schema)) return schema.flatMap((one) => undescribed(one, path));
  if (!isObject(schema)) return [];
  const { properties, ...rest } = schema;
  const own = Object.entries(isObject(properties) ? properties : {});
  const silent = own.filter(([, value]) => !isObject(value) || typeof value['description'] !== 'string');
  const below = own.flatMap(([key, value]) => undescribed(value, `${path}.${key}`));
  const beside = Object.values(rest).flatMap((value) => undescribed(value, path));
  return [...silent.map(([key]) => `${path}.${key}`), ...below, ...beside];
}

test('every key of the schema has a description', () => {
  expect(undescribed(committed, '')).toEqual([]);
});

test('the example leads editors to the schema', () => {
  expect(example.split('\n', 1)).toEqual(['# yaml-language-server: $schema=./lifeboat.schema.json']);
});
