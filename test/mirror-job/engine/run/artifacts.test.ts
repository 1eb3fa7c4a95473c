/** Every kind of manifest is mirrored as it is: its bytes, its media type, and everything that it names. */
import { expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import {
  AMD64,
  ARM64,
  addArtifact,
  addBytes,
  addImage,
  addIndex,
  addJson,
  addLayer,
  addManifest,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, SPDX } from '../../../support/media-types.ts';
import { environmentFor, imageOf, outcomesOf, type ImageOptions } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const ROOT = 'repositories/mirror.test/app/';

async function mirror(content: Repository, options: ImageOptions = { tags: ['v1'] }) {
  const store = new MemoryStore();
  const environment = environmentFor(store);
  const source = new MemorySource('source.test/app', content);
  const image = imageOf(source, 'mirror.test/app', options);
  const report = await runMirror(environment, 'default', [image]);
  return { store, report, outcomes: outcomesOf(report), logged: environment.logged };
}

/** An artifact with a config of its own type, as Helm and the WebAssembly working group write it. */
function artifactOf(content: Repository, config: string, layer: string, type?: string): Descriptor {
  return addManifest(content, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    ...(type !== undefined && { artifactType: type }),
    config: addJson(content, config, { name: 'app' }),
    layers: [addBytes(content, layer, Buffer.from(`the bytes of ${layer}`))],
  });
}

type Build = (content: Repository) => Promise<Descriptor> | Descriptor;

const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';

test.each<[string, string, Build]>([
  [
    'a Helm chart',
    OCI_MANIFEST,
    (content) =>
      artifactOf(
        content,
        'application/vnd.cncf.helm.config.v1+json',
        'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
      ),
  ],
  [
    'a WebAssembly module',
    OCI_MANIFEST,
    (content) => artifactOf(content, 'application/vnd.wasm.config.v0+json', 'application/wasm'),
  ],
  [
    'an SBOM with the empty config',
    OCI_MANIFEST,
    (content) =>
      addArtifact(content, { artifactType: SPDX, layers: [addJson(content, SPDX, { name: 'sbom' })] }),
  ],
  [
    'an artifact manifest of before OCI 1.1',
    ARTIFACT,
    (content) =>
      addManifest(content, {
        mediaType: ARTIFACT,
        artifactType: SPDX,
        blobs: [addJson(content, SPDX, { name: 'sbom' })],
      }),
  ],
  [
    'a Docker image',
    DOCKER_MANIFEST,
    async (content) =>
      addImage(content, { docker: true, layers: [await addLayer(content, 'docker', { docker: true })] }),
  ],
  [
    'a Docker manifest list',
    DOCKER_LIST,
    async (content) => {
      const layers = [await addLayer(content, 'docker', { docker: true })];
      const images = [AMD64, ARM64].map((platform) => addImage(content, { platform, layers, docker: true }));
      return addIndex(content, images, { docker: true });
    },
  ],
  [
    'an index in an index',
    OCI_INDEX,
    async (content) => {
      const image = addImage(content, { layers: [await addLayer(content, 'nested')] });
      return addIndex(content, [addIndex(content, [image], { annotations: { level: 'inner' } })]);
    },
  ],
  [
    'a build cache, whose index names layers',
    OCI_INDEX,
    async (content) => {
      const layer = await addLayer(content, 'cache');
      const { mediaType, digest, size } = layer;
      return addIndex(content, [{ mediaType, digest, size }]);
    },
  ],
])('%s is mirrored as it is, as %s', async (_name, mediaType, build) => {
  const content = emptyRepository();
  tagAs(content, await build(content), 'v1');
  for (const platforms of [undefined, ['linux/riscv64', 'linux/amd64']]) {
    const options = { tags: ['v1'], ...(platforms !== undefined && { platforms }) };
    const { store, outcomes, logged } = await mirror(content, options);
    expect(outcomes).toEqual({ 'mirror.test/app:v1': 'created' });
    expect(store.json(`${ROOT}_tags/v1`)).toMatchObject({ mediaType, digest: content.tags.get('v1') });
    const left = [...content.manifests].filter(
      ([digest]) => !store.objects.has(`${ROOT}_manifests/${digest.replace(':', '/')}`),
    );
    expect([left.length, logged.length]).toEqual(
      platforms !== undefined && mediaType === DOCKER_LIST ? [1, 1] : [0, 0],
    );
    for (const [digest, { bytes, mediaType: type }] of content.manifests) {
      const object = store.objects.get(`${ROOT}_manifests/${digest.replace(':', '/')}`);
      if (object === undefined) continue;
      expect([Buffer.from(object.bytes).equals(bytes), object.contentType]).toEqual([true, type]);
    }
    if (left.length > 0) continue;
    for (const digest of content.blobs.keys()) {
      const name = digest.replace(':', '/');
      expect([store.objects.has(`blobs/${name}`), store.objects.has(`${ROOT}_blobs/${name}`)]).toEqual([
        true,
        true,
      ]);
    }
  }
});

test('the report lists a layer that its registry does not have once, with the URLs where clients fetch it', async () => {
  const content = emptyRepository();
  const own = await addLayer(content, 'own');
  const foreign = await addLayer(content, 'foreign');
  const urls = ['https://elsewhere.test/layer'];
  const layers = [own, { ...foreign, urls }];
  for (const [tag, platform] of [
    ['v1', AMD64],
    ['v2', ARM64],
  ] as const) {
    const config = addJson(content, 'application/vnd.oci.image.config.v1+json', platform);
    tagAs(content, addManifest(content, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }), tag);
  }
  const whole = await mirror(content, { tags: ['v1', 'v2'] });
  expect(whole.report.foreignLayers).toBeUndefined();

  content.blobs.delete(foreign.digest);
  const { store, report, outcomes } = await mirror(content, { tags: ['v1', 'v2'] });
  expect(outcomes).toEqual({ 'mirror.test/app:v1': 'created', 'mirror.test/app:v2': 'created' });
  const expected = [{ repository: 'mirror.test/app', digest: foreign.digest, urls }];
  expect(report.foreignLayers).toEqual(expected);
  expect(store.json('state/default/last-run.json')).toMatchObject({ foreignLayers: expected });
  expect(store.keys(foreign.digest.slice(7))).toEqual([]);
});
