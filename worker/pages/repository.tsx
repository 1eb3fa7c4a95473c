/** `/r/<repository>`: its tags, and one of them in full. */
import { isHeld } from '../../core/held.ts';
import type { Repository } from '../../core/reference.ts';
import type { DescribedManifest } from '../../core/repository-description.ts';
import type { RepositoryRequest } from '../request/page-request.ts';
import type { PageContent, View } from './document.tsx';
import {
  Age,
  Badge,
  listHref,
  More,
  Pager,
  repositoryPath,
  rowsOf,
  Search,
  ShortDigest,
  type Rows,
} from './elements.tsx';
import { counted, formatBytes, formatCount, shown } from './formats.ts';
import type { ListedTag, RepositoryState } from './repository-state.ts';
import { TagDetails } from './tag-details.tsx';

/** @param most how many digests and platforms are shown, beside a page of tags */
export function repositoryPage(
  view: View,
  request: RepositoryRequest,
  state: RepositoryState,
  most = 50,
): PageContent {
  const { repository } = request.name;
  const { tags, pins, manifests, selected, heldLine, stored } = state;
  const { listing } = request;
  const search = listing.search.toLowerCase();
  const rows = rowsOf(
    tags.filter(({ tag }) => tag.toLowerCase().includes(search)),
    listing.number,
  );
  const path = repositoryPath(repository);
  const content = (
    <>
      <div class="title">
        <p class="crumbs">
          <a href="/">Repositories</a> /
        </p>
        <h1 class="mono break">{repository}</h1>
        <Facts view={view} state={state} />
      </div>
      <div class="columns">
        <div>
          {view.tags ? (
            <section class="card" aria-labelledby="list-title">
              <div class="bar">
                <h2 id="list-title">Tags</h2>
                {tags.length === 0 ? null : (
                  <Search action={path} label="Search tags" value={listing.search} />
                )}
              </div>
              <TagList
                view={view}
                repository={repository}
                rows={rows}
                search={listing.search}
                total={tags.length}
                selected={selected}
              />
              <Pager rows={rows} path={path} search={listing.search} label="Pages of tags" />
            </section>
          ) : (
            <Digests view={view} repository={repository} title="Images" manifests={manifests} most={most} />
          )}
          {pins.length === 0 ? null : (
            <Digests
              view={view}
              repository={repository}
              title="Pinned digests"
              manifests={pins}
              most={most}
            />
          )}
        </div>
        {selected === undefined ? null : (
          <TagDetails
            view={view}
            repository={repository}
            tag={selected}
            heldLine={heldLine}
            stored={stored}
            most={most}
          />
        )}
      </div>
    </>
  );
  const smaller = most > 7 ? () => repositoryPage(view, request, state, 7) : undefined;
  return { title: `${repository} · ${view.host}`, content, smaller };
}

function Facts({ view, state }: { readonly view: View; readonly state: RepositoryState }) {
  const { tags, held, gone, checked } = state;
  return (
    <p class="facts">
      {view.tags ? <span>{counted(tags.length, 'tag')}</span> : null}
      {view.tags && held > 0 ? <Badge mood="warn">{formatCount(held)} held</Badge> : null}
      {view.tags && gone > 0 ? <Badge mood="plain">{formatCount(gone)} gone upstream</Badge> : null}
      {checked === undefined ? null : (
        <span>
          checked at upstream <Age time={checked} now={view.now} />
        </span>
      )}
    </p>
  );
}

interface TagListProps {
  readonly view: View;
  readonly repository: Repository;
  readonly rows: Rows<ListedTag>;
  readonly search: string;
  readonly total: number;
  readonly selected: ListedTag | undefined;
}

function TagList({ view, repository, rows, search, total, selected }: TagListProps) {
  if (total === 0)
    return <p class="empty">This repository has no tags here: its images are pulled by digest.</p>;
  if (rows.items.length === 0) {
    return (
      <p class="empty">
        No tag has “{shown(search)}” in it.{' '}
        <a href={repositoryPath(repository)}>Show all {formatCount(total)}</a>
      </p>
    );
  }
  return (
    <div class="scroll" role="group" aria-labelledby="list-title" tabindex={0}>
      <table class="cards tags">
        <caption class="hidden">Tags, the newest version first</caption>
        <thead>
          <tr>
            <th scope="col">Tag</th>
            <th scope="col">Digest</th>
            <th scope="col">Platforms</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">Mirrored</th>
          </tr>
        </thead>
        <tbody>
          {rows.items.map((item) => (
            <TagRow
              view={view}
              repository={repository}
              item={item}
              isSelected={item.tag === selected?.tag}
              href={`${listHref('', search, rows.number, { tag: item.tag })}#tag`}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface TagRowProps {
  readonly view: View;
  readonly repository: Repository;
  readonly item: ListedTag;
  readonly isSelected: boolean;
  /** Keeps the part of the list that is shown. */
  readonly href: string;
}

function TagRow({ view, repository, item, isSelected, href }: TagRowProps) {
  const { tag } = item;
  const link = (
    <a class="mono" href={href} aria-current={isSelected ? 'true' : undefined}>
      {tag}
    </a>
  );
  if (!('digest' in item)) {
    return (
      <tr>
        <th scope="row">{link}</th>
        <td colspan={4} class="muted">
          not described yet
        </td>
      </tr>
    );
  }
  return (
    <tr class={isSelected ? 'selected' : undefined}>
      <th scope="row">
        {link}
        {isHeld(item) ? <Badge mood="warn">held</Badge> : null}
        {item.gone === undefined ? null : <Badge mood="plain">gone</Badge>}
      </th>
      <td>
        <ShortDigest repository={repository} digest={item.digest} />
      </td>
      <td data-title="Platforms">{platformsOf(item)}</td>
      <td class="number">{formatBytes(item.bytes)}</td>
      <td>
        <Age time={item.moved} now={view.now} />
      </td>
    </tr>
  );
}

/** The only platform by its name, and of several ones the number. */
export function platformsOf({ platforms, artifactType }: DescribedManifest): string {
  const [first] = platforms;
  if (first === undefined) return artifactType === undefined ? '–' : 'artifact';
  if (platforms.length > 1) return formatCount(platforms.length);
  return first.platform === 'unknown' ? '1' : shown(first.platform);
}

interface DigestsProps {
  readonly view: View;
  readonly repository: Repository;
  readonly title: string;
  readonly manifests: readonly DescribedManifest[];
  readonly most: number;
}

/** Manifests that no tag names here. */
function Digests({ view, repository, title, manifests, most }: DigestsProps) {
  const id = title.toLowerCase().replaceAll(' ', '-');
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {manifests.length === 0 ? (
        <p class="empty">No image of this repository is described yet. It can be pulled by its digest.</p>
      ) : (
        <div class="scroll" role="group" aria-labelledby={id} tabindex={0}>
          <table class="cards">
            <caption class="hidden">{title}</caption>
            <thead>
              <tr>
                <th scope="col">Digest</th>
                <th scope="col">Platforms</th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col">First seen</th>
              </tr>
            </thead>
            <tbody>
              {manifests.slice(0, most).map((manifest) => (
                <tr>
                  <th scope="row">
                    <ShortDigest repository={repository} digest={manifest.digest} />
                  </th>
                  <td data-title="Platforms">{platformsOf(manifest)}</td>
                  <td class="number">{formatBytes(manifest.bytes)}</td>
                  <td data-title="First seen">
                    <Age time={manifest.firstSeen} now={view.now} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More left={manifests.length - most} one="digest" />
    </section>
  );
}
