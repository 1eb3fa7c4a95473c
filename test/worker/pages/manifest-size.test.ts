/** The page of a manifest is small, whatever the image is, and says what it leaves out. */
import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../core/digest.ts';
import { blobKey, manifestKey, referrersKey } from '../../../core/layout.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../core/media-type.ts';
import { parseRepository, type Repository } from '../../../core/reference.ts';
import { encodeReferrers } from '../../../core/referrers.ts';
import { r2Bucket } from '../support/bucket.ts';
import { bytesOf, putBlob, putIdentity } from '../support/content.ts';
import { compressedBytes, pageAt, type ShownPage } from '../support/page.ts';
import { NOW } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';

const APP = parseRepository('docker.io/library/app');
/** The longest name that there can be. */
const LONG = parseRepository(`ghcr.io/${`${'organisation'.repeat(4)}/`.repeat(5)}it`);
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';
const ATTESTED = 'vnd.docker.reference.digest';

/** A text that does not compress, always the same. */
function noise(length: number, alphabet: string): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return alphabet[state % alphabet.length];
  }).join('');
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const MARKUP = '"\'<>&';
const INVISIBLE = '\u202E\u200B\u001B\u2066';
const IDEOGRAPHS = Array.from({ length: 8000 }, (_, index) => String.fromCharCode(0x4e00 + index)).join('');

async function digestAt(index: number): Promise<Digest> {
  return digestOf(bytesOf(`blob ${index}`));
}

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

interface Content {
  readonly repository?: Repository;
  readonly config?: object;
  readonly manifest: object;
  readonly referrers?: number;
  readonly text?: string;
}

/** The page of a manifest, with the address of its config. */
async function pageOf({ repository = APP, config, manifest, referrers = 0, text = '' }: Content) {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  const bytes = bytesOf(JSON.stringify(config ?? {}));
  const digest = await digestOf(bytes);
  await bucket.put(blobKey(digest), bytes);
  await putBlob(bucket, repository, bytes);
  const described = { mediaType: CONFIG_TYPE, digest, size: bytes.length };
  const content = bytesOf(
    JSON.stringify({ schemaVersion: 2, ...(config !== undefined && { config: described }), ...manifest }),
  );
  const mediaType = config === undefined ? OCI_INDEX : OCI_MANIFEST;
  const name = await digestOf(content);
  await bucket.put(manifestKey(repository, name), content, mediaType);
  const list = await Promise.all(
    times(referrers, async (index) => ({
      mediaType: OCI_MANIFEST,
      digest: await digestAt(index),
      size: index,
      artifactType: `application/${text.slice(0, 1000)}`,
      annotations: { predicateType: text.slice(0, 3000) },
    })),
  );
  await bucket.put(referrersKey(repository, name), encodeReferrers(list));
  const edge = new TestEdge([bucket]);
  edge.now = NOW;
  const page = await pageAt(edge, `/r/${repository}@${name}`);
  expect(page.status).toBe(200);
  return { ...page, raw: `/v2/${repository}/manifests/${name}`, blob: `/v2/${repository}/blobs/${digest}` };
}

async function expectSmall({ html }: Pick<ShownPage, 'html'>): Promise<void> {
  expect(bytesOf(html).length).toBeLessThan(40 * 1024);
  expect(await compressedBytes(html)).toBeLessThan(15 * 1024);
}

function layersOf(count: number, title?: string) {
  return Promise.all(
    times(count, async (index) => ({
      mediaType: LAYER_TYPE,
      digest: await digestAt(index),
      size: 1000 * index,
      ...(title !== undefined && { annotations: { 'org.opencontainers.image.title': title } }),
    })),
  );
}

/** A config with a text in each field. */
function configOf(steps: number, lines: number, text: string): object {
  const fields = times(lines, (index) => [`${index}${text}`, text]);
  return {
    os: text,
    architecture: text,
    author: text,
    config: {
      Env: fields.map((field) => field.join('=')),
      Labels: Object.fromEntries(fields),
      ExposedPorts: Object.fromEntries(fields),
      Volumes: Object.fromEntries(fields),
      Entrypoint: fields.map(([name]) => name),
      Cmd: [text],
      User: text,
      WorkingDir: text,
      StopSignal: text,
    },
    history: times(steps, (index) => ({ created_by: `${index}${text}` })),
  };
}

describe('an image of the usual size', () => {
  it('is shown whole', async () => {
    const text = 'RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl';
    const { html, ...page } = await pageOf({
      config: configOf(45, 14, text),
      manifest: { layers: await layersOf(45), annotations: { [text]: text } },
    });
    await expectSmall({ html });
    expect(page.text).toContain('45 layers and a config');
    expect(page.text).not.toMatch(/\d more (?:layer|step|line)/);
    expect(html.match(/<tr>/g)).toHaveLength(1 + 46);
  });
});

describe('a huge image', () => {
  it('says how many layers, steps and lines there are besides, and where they are', async () => {
    const { html, text, raw, blob } = await pageOf({
      config: configOf(500, 70, 'a'.repeat(500)),
      manifest: { layers: await layersOf(300), annotations: { long: 'b'.repeat(5000) } },
    });
    await expectSmall({ html });
    const rows = (html.match(/<tr>/g)?.length ?? 0) - 1;
    expect(rows).toBeGreaterThan(5);
    expect(text).toContain(`… and ${301 - rows} more layers. The raw bytes have all.`);
    expect(text).toContain(`… and ${500 - rows} more steps. The raw bytes have all.`);
    expect(text).toContain(`… and ${70 - rows} more lines. The raw bytes have all.`);
    expect(text).toMatch(/b… \(4,[89]\d\d more characters\)/);
    expect(html.split(`. <a href="${raw}">The raw bytes</a>`)).toHaveLength(2);
    expect(html.split(`. <a href="${blob}">The raw bytes</a>`)).toHaveLength(4);
    expect(html).toContain(`<a href="${blob}">The config’s own bytes</a>`);
  });

  it.each([
    ['letters', noise(4000, LETTERS)],
    ['markup', noise(4000, MARKUP)],
    ['invisible characters', noise(1000, INVISIBLE)],
    ['ideographs', noise(2000, IDEOGRAPHS)],
  ])('has a small page also if its texts are long, of %s, and its name is the longest', async (_, text) => {
    const fields = Object.fromEntries(times(100, (index) => [`${index}${text}`, text]));
    const page = await pageOf({
      repository: LONG,
      config: configOf(60, 10, text),
      manifest: { layers: await layersOf(200, text), annotations: fields },
      referrers: 100,
      text,
    });
    await expectSmall(page);
    expect(page.text).toContain('Entrypoint');
    const children = await Promise.all(
      times(200, async (index) => ({
        mediaType: OCI_MANIFEST,
        digest: await digestAt(index % 20),
        size: 1,
        platform: { os: text, architecture: 'amd64' },
        ...(index % 2 === 1 && {
          annotations: {
            'vnd.docker.reference.type': text,
            [ATTESTED]: await digestAt((index - 1) % 20),
          },
        }),
      })),
    );
    const manifest = { manifests: children, annotations: fields };
    await expectSmall(await pageOf({ repository: LONG, manifest, referrers: 100, text }));
  });
});

it('an image whose labels do not compress has a small page as a proxy sends it', async () => {
  const text = noise(30_000, LETTERS);
  const Labels = Object.fromEntries(
    times(60, (index) => [`label-${index}`, text.slice(500 * index, 500 * index + 490)]),
  );
  const page = await pageOf({ config: { config: { Labels } }, manifest: { layers: await layersOf(1) } });
  await expectSmall(page);
  expect(page.text).toContain('more characters');
});

it('an index of 1,000 manifests says how many more there are, of attestations and referrers too', async () => {
  const manifests = await Promise.all(
    times(1000, async (index) => ({
      mediaType: OCI_MANIFEST,
      digest: await digestAt(index),
      size: 500,
      platform: { os: 'linux', architecture: `arch${index}` },
      ...(index >= 500 && {
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          [ATTESTED]: await digestAt(index - 500),
        },
      }),
    })),
  );
  const page = await pageOf({ manifest: { manifests }, referrers: 400 });
  await expectSmall(page);
  const rows = (page.html.match(/<tr>/g)?.length ?? 0) - 1;
  expect(rows).toBeGreaterThan(10);
  expect(page.text).toContain(`… and ${500 - rows} more manifests. The raw bytes have all.`);
  expect(page.text).toContain(`… and ${500 - rows} more attestations. The raw bytes have all.`);
  expect(page.text).toContain(`… and ${400 - rows} more referrers. The raw bytes have all.`);
});
