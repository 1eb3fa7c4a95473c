/** One tag in full: what it is here and upstream, how it is pulled, and how it got here. */
import { heldReason, isHeld } from '../../core/held.ts';
import type { HeldLine } from '../../core/overview.ts';
import { formatReference, type Repository } from '../../core/reference.ts';
import type {
  DescribedMovement,
  DescribedPlatform,
  DescribedTag,
} from '../../core/repository-description.ts';
import type { TagContent } from '../cache/object-kind.ts';
import type { View } from './document.tsx';
import {
  Age,
  Badge,
  Copyable,
  MediaType,
  Moment,
  More,
  MovesItself,
  rawPath,
  ShortDigest,
  WholeDigest,
} from './elements.tsx';
import { counted, formatBytes, shown } from './formats.ts';
import { PullLines } from './pull-lines.tsx';
import type { ListedTag } from './repository-state.ts';

interface Props {
  readonly view: View;
  readonly repository: Repository;
  readonly tag: ListedTag;
  /** Why the tag was held in the last run that looked at it. */
  readonly heldLine: HeldLine | undefined;
  /** The mirror's answer for a tag that is not described. */
  readonly stored: TagContent | undefined;
  /** How many platforms are shown. */
  readonly most: number;
}

export function TagDetails({ view, repository, tag: item, heldLine, stored, most }: Props) {
  const { tag } = item;
  const described = 'digest' in item ? item : undefined;
  const digest = described?.digest ?? stored?.digest;
  return (
    <section id="tag" class="card" aria-labelledby="tag-title">
      <h2 id="tag-title" class="mono break">
        {tag}
      </h2>
      {described === undefined ? (
        <Undescribed view={view} repository={repository} stored={stored} />
      ) : (
        <Described view={view} repository={repository} tag={described} heldLine={heldLine} most={most} />
      )}
      <PullLines
        host={view.host}
        repository={repository}
        tag={tag}
        digest={digest}
        artifactType={described?.artifactType}
      />
      {described === undefined ? null : (
        <History view={view} repository={repository} movements={described.movements} />
      )}
      <p>
        <a href={rawPath(repository, tag)}>The manifest’s own bytes</a>
      </p>
    </section>
  );
}

function Undescribed({ view, repository, stored }: Omit<Props, 'tag' | 'heldLine' | 'most'>) {
  if (stored === undefined)
    return <p class="muted">This tag is listed, and the mirror does not have its manifest any more.</p>;
  return (
    <dl class="facts-list">
      <dt>Digest</dt>
      <dd>
        <WholeDigest repository={repository} digest={stored.digest} />
      </dd>
      <dt>Type</dt>
      <dd>
        <MediaType type={stored.mediaType} />
      </dd>
      <dt>Mirrored</dt>
      <dd>
        <Moment time={stored.moved} now={view.now} />
      </dd>
    </dl>
  );
}

interface DescribedProps {
  readonly view: View;
  readonly repository: Repository;
  readonly tag: DescribedTag;
  readonly heldLine: HeldLine | undefined;
  readonly most: number;
}

function Described({ view, repository, tag, heldLine, most }: DescribedProps) {
  const { digest, mediaType, artifactType, bytes, moved, firstSeen, platforms, storedPlatforms } = tag;
  return (
    <>
      <Upstream view={view} repository={repository} tag={tag} heldLine={heldLine} />
      <dl class="facts-list">
        <dt>Digest</dt>
        <dd>
          <WholeDigest repository={repository} digest={digest} />
        </dd>
        <dt>Type</dt>
        <dd>
          <MediaType type={artifactType ?? mediaType} />
        </dd>
        <dt>Size</dt>
        <dd>
          {formatBytes(bytes)} compressed
          {platforms.length > 1 ? `, all ${storedPlatforms === undefined ? '' : 'mirrored '}platforms` : ''}
        </dd>
        <dt>Mirrored</dt>
        <dd>
          <Moment time={moved} now={view.now} />
        </dd>
        <dt>First seen</dt>
        <dd>
          <Moment time={firstSeen} now={view.now} />
        </dd>
        <dt>Attached</dt>
        <dd>{referrersOf(tag)}</dd>
      </dl>
      {storedPlatforms === undefined ? null : (
        <p class="notice">
          Only {storedPlatforms.map(shown).join(', ')} {storedPlatforms.length === 1 ? 'is' : 'are'} mirrored.
          The index is upstream’s own, and names others too.
        </p>
      )}
      {platforms.length > 1 ? (
        <>
          <Platforms repository={repository} platforms={platforms.slice(0, most)} />
          <More left={platforms.length - most} one="platform" raw={rawPath(repository, digest)} />
        </>
      ) : null}
    </>
  );
}

function referrersOf({ signatures, sboms, attestations }: DescribedTag): string {
  const parts = [
    signatures > 0 ? counted(signatures, 'signature') : 'no signature',
    ...(sboms > 0 ? [counted(sboms, 'SBOM')] : []),
    ...(attestations > 0 ? [counted(attestations, 'attestation')] : []),
  ];
  return signatures + sboms + attestations === 0 ? 'no signature, SBOM or attestation' : parts.join(', ');
}

/** Says where upstream is, why the tag does not follow, and what moves it. */
function Upstream({
  view,
  repository,
  tag: { tag, hold, upstream, gone },
  heldLine,
}: Omit<DescribedProps, 'most'>) {
  const held = isHeld({ hold, upstream });
  // A person may have moved the tag after the run that wrote the line.
  const line = hold === undefined && heldLine?.upstream === upstream?.digest ? heldLine : undefined;
  if (gone === undefined && !held) {
    return (
      <p>
        <Badge mood="ok">follows upstream</Badge>
      </p>
    );
  }
  return (
    <div class="notice warn">
      {gone === undefined ? null : (
        <p>
          <strong>Gone upstream.</strong> Upstream has had no such tag since{' '}
          <Moment time={gone} now={view.now} />. The mirror keeps it.
        </p>
      )}
      {held ? (
        <p>
          <Badge mood="warn">held</Badge> {shown(line?.reason ?? heldReason(hold))}
          <MovesItself until={line?.until} now={view.now} />
        </p>
      ) : null}
      {upstream === undefined ? null : (
        <>
          <p>
            Upstream’s <ShortDigest repository={repository} digest={upstream.digest} /> was first seen{' '}
            <Age time={upstream.firstSeen} now={view.now} />. This moves the tag to it
            {line?.until === undefined ? '' : ' now'}:
          </p>
          <Copyable
            text={`npx lifeboat approve ${formatReference({ repository, tag, digest: upstream.digest })}`}
          />
        </>
      )}
    </div>
  );
}

interface PlatformsProps {
  readonly repository: Repository;
  readonly platforms: readonly DescribedPlatform[];
}

function Platforms({ repository, platforms }: PlatformsProps) {
  return (
    <table class="compact">
      <caption>Platforms</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">Platform</th>
          <th scope="col">Digest</th>
          <th scope="col">Size</th>
        </tr>
      </thead>
      <tbody>
        {platforms.map(({ platform, digest, bytes }) => (
          <tr>
            <th scope="row">{shown(platform)}</th>
            <td>
              <ShortDigest repository={repository} digest={digest} />
            </td>
            <td class="number">{formatBytes(bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface HistoryProps {
  readonly view: View;
  readonly repository: Repository;
  readonly movements: readonly DescribedMovement[];
}

function History({ view, repository, movements }: HistoryProps) {
  if (movements.length === 0) return null;
  return (
    <>
      <h3>History</h3>
      <ol class="timeline">
        {movements.map(({ at, from, to, run, why, by }) => (
          <li>
            <p>
              <Moment time={at} now={view.now} />
            </p>
            <p>
              {from === undefined ? 'new' : <ShortDigest repository={repository} digest={from} />} →{' '}
              <ShortDigest repository={repository} digest={to} />
            </p>
            <p>
              {shown(why)}
              {/* A person's name is for people of the same house. */}
              {by === undefined || !view.isPrivate ? '' : `, by ${shown(by)}`}
              {', run '}
              <code>{shown(run)}</code>
            </p>
          </li>
        ))}
      </ol>
    </>
  );
}
