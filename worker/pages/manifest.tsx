/** `/r/<repository>@<digest>`: a manifest, with all that it names as links. */
import { formatPlatform, type Descriptor } from '../../core/descriptor.ts';
import type { Repository } from '../../core/reference.ts';
import type { ManifestRequest } from '../request/page-request.ts';
import type { PageContent, View } from './document.tsx';
import {
  blobPath,
  MediaType,
  Moment,
  More,
  rawPath,
  repositoryPath,
  ShortDigest,
  WholeDigest,
} from './elements.tsx';
import { counted, cut, formatBytes, shortDigest } from './formats.ts';
import { ImageConfig } from './image-config.tsx';
import type { ManifestState } from './manifest-state.ts';
import { PullLines } from './pull-lines.tsx';
import { ReferrerTree } from './referrer-tree.tsx';
import { Texts } from './texts.tsx';

const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

const KINDS = { image: 'Image', index: 'Image index', artifact: 'Artifact' } as const;

/** @param most how many items of each list are shown, and how long its texts are. A manifest may name 100,000 others */
export function manifestPage(
  view: View,
  request: ManifestRequest,
  state: ManifestState,
  most = 60,
): PageContent {
  const {
    name: { repository },
    digest,
  } = request;
  const { manifest, size, config, referrers, mirrored } = state;
  // A manifest without a type of its own has its config's, which for an image tells nothing.
  const artifactType =
    manifest.artifactType === undefined || IMAGE_CONFIGS.has(manifest.artifactType)
      ? undefined
      : manifest.artifactType;
  const raw = rawPath(repository, digest);
  const [configBlob] = manifest.blobs;
  const content = (
    <>
      <div class="title">
        <p class="crumbs">
          <a href="/">Repositories</a> /{' '}
          <a class="mono" href={repositoryPath(repository)}>
            {repository}
          </a>{' '}
          /
        </p>
        <h1>
          {KINDS[manifest.kind]} <span class="mono">{shortDigest(digest)}</span>
        </h1>
      </div>
      <div class="columns">
        <div>
          {manifest.kind === 'index' ? (
            <Children repository={repository} manifests={manifest.manifests} most={most} raw={raw} />
          ) : (
            <Layers
              repository={repository}
              blobs={manifest.blobs}
              hasConfig={manifest.kind === 'image'}
              most={most}
              raw={raw}
            />
          )}
          {config === undefined || configBlob === undefined ? null : (
            <ImageConfig
              view={view}
              config={config}
              most={most}
              raw={blobPath(repository, configBlob.digest)}
            />
          )}
          {manifest.annotations === undefined ? null : (
            <section class="card">
              <Texts
                title="Annotations"
                level={2}
                isOpen
                texts={Object.entries(manifest.annotations)}
                most={most}
                raw={raw}
              />
            </section>
          )}
        </div>
        <div>
          <section class="card" aria-labelledby="about">
            <h2 id="about">About</h2>
            <dl class="facts-list">
              <dt>Digest</dt>
              <dd class="mono break">{digest}</dd>
              <dt>Type</dt>
              <dd>
                <MediaType type={manifest.mediaType} />
              </dd>
              {artifactType === undefined ? null : (
                <>
                  <dt>Artifact</dt>
                  <dd>
                    <MediaType type={artifactType} />
                  </dd>
                </>
              )}
              <dt>Manifest</dt>
              <dd>
                <a href={raw}>{formatBytes(size)}, its own bytes</a>
              </dd>
              {manifest.kind === 'index' ? null : (
                <>
                  <dt>Blobs</dt>
                  <dd>{formatBytes(manifest.blobs.reduce((sum, blob) => sum + blob.size, 0))} compressed</dd>
                </>
              )}
              {mirrored === undefined ? null : (
                <>
                  <dt>Mirrored</dt>
                  <dd>
                    <Moment time={mirrored} now={view.now} />
                  </dd>
                </>
              )}
              {manifest.subject === undefined ? null : (
                <>
                  <dt>Refers to</dt>
                  <dd>
                    <WholeDigest repository={repository} digest={manifest.subject.digest} />
                  </dd>
                </>
              )}
            </dl>
            <PullLines
              host={view.host}
              repository={repository}
              tag={undefined}
              digest={digest}
              artifactType={artifactType ?? (manifest.kind === 'artifact' ? manifest.mediaType : undefined)}
            />
          </section>
          <ReferrerTree
            repository={repository}
            digest={digest}
            manifests={manifest.manifests}
            referrers={referrers}
            most={most}
          />
        </div>
      </div>
    </>
  );
  const smaller = most > 3 ? () => manifestPage(view, request, state, most >> 1) : undefined;
  return { title: `${repository}@${shortDigest(digest)} · ${view.host}`, content, smaller };
}

interface ChildrenProps {
  readonly repository: Repository;
  readonly manifests: readonly Descriptor[];
  readonly most: number;
  /** The path of the bytes that have all of them. */
  readonly raw: string;
}

/** The manifests of an index. Attestations, which are in it too, are in the tree of referrers. */
function Children({ repository, manifests: all, most, raw }: ChildrenProps) {
  const listed = all.filter((child) => child.annotations?.['vnd.docker.reference.type'] === undefined);
  return (
    <section class="card" aria-labelledby="children">
      <h2 id="children">Manifests</h2>
      {listed.length === 0 ? (
        <p class="empty">This index is empty.</p>
      ) : (
        <div class="scroll" role="group" aria-labelledby="children" tabindex={0}>
          <table>
            <caption class="hidden">The manifests of this index</caption>
            <thead>
              <tr>
                <th scope="col">Platform</th>
                <th scope="col">Digest</th>
                <th scope="col" class="number">
                  Manifest
                </th>
                <th scope="col">Type</th>
              </tr>
            </thead>
            <tbody>
              {listed.slice(0, most).map(({ platform, digest, size, mediaType }, index) => (
                <tr>
                  <th scope="row">{platform === undefined ? '–' : cut(formatPlatform(platform))}</th>
                  <td>
                    <ShortDigest repository={repository} digest={digest} />
                  </td>
                  <td class="number">{formatBytes(size)}</td>
                  <td>
                    <MediaType type={mediaType} above={listed[index - 1]?.mediaType} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More left={listed.length - most} one="manifest" raw={raw} />
    </section>
  );
}

interface LayersProps {
  readonly repository: Repository;
  readonly blobs: readonly Descriptor[];
  readonly most: number;
  readonly raw: string;
  /** Whether the first blob is the config. */
  readonly hasConfig: boolean;
}

function Layers({ repository, blobs, most, raw, hasConfig }: LayersProps) {
  const shownBlobs = blobs.slice(0, most);
  const largest = Math.max(1, ...shownBlobs.map(({ size }) => size));
  const layers = blobs.length - (hasConfig ? 1 : 0);
  return (
    <section class="card" aria-labelledby="layers">
      <h2 id="layers">
        {counted(layers, 'layer')}
        {hasConfig ? ' and a config' : ''}
      </h2>
      <div class="scroll" role="group" aria-labelledby="layers" tabindex={0}>
        <table>
          <caption class="hidden">The blobs of this manifest, in its order</caption>
          <thead>
            <tr>
              <th scope="col">Blob</th>
              <th scope="col">Digest</th>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col" aria-hidden="true" class="bars" />
              <th scope="col">Type</th>
            </tr>
          </thead>
          <tbody>
            {shownBlobs.map(({ digest, size, mediaType, annotations }, index) => (
              <tr>
                <th scope="row">{blobName(index, hasConfig, annotations)}</th>
                <td>
                  <a class="mono" href={blobPath(repository, digest)}>
                    {shortDigest(digest)}
                  </a>
                </td>
                <td class="number">{formatBytes(size)}</td>
                <td class="bars" aria-hidden="true">
                  <svg>
                    <rect rx="2" height="10" width={`${Math.max(0.5, (100 * size) / largest).toFixed(1)}%`} />
                  </svg>
                </td>
                <td>
                  <MediaType type={mediaType} above={blobs[index - 1]?.mediaType} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More left={blobs.length - most} one="layer" raw={raw} />
    </section>
  );
}

function blobName(index: number, hasConfig: boolean, annotations: Descriptor['annotations']): string {
  if (hasConfig && index === 0) return 'config';
  const title = annotations?.['org.opencontainers.image.title'];
  return title === undefined ? String(hasConfig ? index : index + 1) : cut(title);
}
