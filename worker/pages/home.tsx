/** `/`: what this mirror has, whether it is fresh, and how it is used. */
import type { HeldLine } from '../../core/overview.ts';
import { formatReference } from '../../core/reference.ts';
import type { StoreState } from '../store/store-health.ts';
import type { HomeRequest } from '../request/page-request.ts';
import { ClientSetupSection } from './client-setup.tsx';
import type { PageContent, View } from './document.tsx';
import {
  Age,
  Badge,
  Copyable,
  listHref,
  Moment,
  More,
  MovesItself,
  Pager,
  repositoryPath,
  rowsOf,
  Search,
  ShortDigest,
  type Rows,
} from './elements.tsx';
import { counted, formatCount, shown } from './formats.ts';
import { freshnessOf } from './freshness.ts';
import type { ListedRepository, ReadableMirror } from './readable-mirror.ts';

/** The rest is on the pages of its repositories. */
const MAX_HELD = 10;

interface HomeData {
  readonly mirror: ReadableMirror;
  readonly stores: readonly StoreState[];
}

export function homePage(view: View, request: HomeRequest, { mirror, stores }: HomeData): PageContent {
  const { listing, client } = request;
  // A name has its registry's port after "_", and people write ":".
  const wanted = listing.search.toLowerCase().replace(':', '_');
  const found = mirror.repositories.filter(({ name }) => name.includes(wanted));
  const rows = rowsOf(found, listing.number);
  const content = (
    <>
      <div class="title">
        <h1>Container images at {view.host}</h1>
        <p>
          A read-only mirror that answers when a registry does not. <a href="#use">How to use it</a>
        </p>
      </div>
      <Summary view={view} mirror={mirror} stores={stores} />
      <div class="columns">
        <div>
          <section class="card" aria-labelledby="list-title">
            <div class="bar">
              <h2 id="list-title">Repositories</h2>
              {mirror.repositories.length === 0 ? null : (
                <Search action="/" label="Search repositories" value={listing.search} />
              )}
            </div>
            <RepositoryList
              view={view}
              rows={rows}
              search={listing.search}
              total={mirror.repositories.length}
            />
            <Pager rows={rows} path="/" search={listing.search} label="Pages of repositories" />
          </section>
          {view.tags && mirror.held.length > 0 ? <HeldTags view={view} mirror={mirror} /> : null}
        </div>
        <ClientSetupSection
          view={view}
          repositories={mirror.repositories}
          client={client}
          hrefOf={(one) => `${listHref('/', listing.search, rows.number, { client: one })}#use`}
        />
      </div>
    </>
  );
  return { title: `Images at ${view.host}`, section: 'home', content };
}

function Summary({ view, mirror, stores }: HomeData & { readonly view: View }) {
  const tags = mirror.repositories.reduce((sum, line) => sum + ('tags' in line ? line.tags : 0), 0);
  const failed = stores.filter(({ last }) => last === 'failed').length;
  return (
    <dl class="summary">
      {mirror.configurations.map(({ mirror: name, runs = [] }) => {
        const { mood, word, since } = freshnessOf(runs, view);
        return (
          <div>
            <dt>Last run{mirror.configurations.length > 1 ? ` of ${name}` : ''}</dt>
            <dd>
              {since === undefined ? null : <Age time={since} now={view.now} />}{' '}
              <Badge mood={mood}>{word}</Badge>
            </dd>
          </div>
        );
      })}
      <div>
        <dt>Repositories</dt>
        <dd>{formatCount(mirror.repositories.length)}</dd>
      </div>
      {view.tags ? (
        <>
          <div>
            <dt>Tags</dt>
            <dd>{formatCount(tags)}</dd>
          </div>
          <div>
            <dt>Held</dt>
            <dd>
              {mirror.heldCount === 0 ? 'none' : <a href="#held">{counted(mirror.heldCount, 'tag')}</a>}
            </dd>
          </div>
        </>
      ) : null}
      <div>
        <dt>Stores</dt>
        <dd>
          {failed === 0 ? (
            <Badge mood="ok">{stores.length === 1 ? 'answers' : `all ${stores.length} answer`}</Badge>
          ) : (
            <Badge mood="bad">
              {failed} of {stores.length} failed
            </Badge>
          )}
        </dd>
      </div>
    </dl>
  );
}

interface ListProps {
  readonly view: View;
  readonly rows: Rows<ListedRepository>;
  readonly search: string;
  readonly total: number;
}

function RepositoryList({ view, rows, search, total }: ListProps) {
  if (total === 0 && view.isPartial) {
    return (
      <p class="empty">
        <strong>This token sees no repository.</strong> None that is mirrored is one that it may read.
      </p>
    );
  }
  if (total === 0) {
    return (
      <div class="empty">
        <p>
          <strong>Nothing is mirrored yet.</strong>
        </p>
        <p>The first run of the job fills this list:</p>
        <Copyable text="npx lifeboat sync" />
      </div>
    );
  }
  if (rows.items.length === 0) {
    return (
      <p class="empty">
        No repository has “{shown(search)}” in its name. <a href="/">Show all {formatCount(total)}</a>
      </p>
    );
  }
  return (
    <div class="scroll" role="group" aria-labelledby="list-title" tabindex={0}>
      <table class="cards repositories">
        <caption class="hidden">Mirrored repositories</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            {view.tags ? (
              <>
                <th scope="col" class="number">
                  Tags
                </th>
                <th scope="col">Moved last</th>
              </>
            ) : null}
            <th scope="col">Checked</th>
          </tr>
        </thead>
        <tbody>
          {rows.items.map((line) => (
            <Row view={view} line={line} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ view, line }: { readonly view: View; readonly line: ListedRepository }) {
  const { name } = line;
  const details = 'tags' in line ? line : undefined;
  return (
    <tr>
      <th scope="row">
        <a class="mono" href={repositoryPath(name)}>
          {name}
        </a>
        {view.tags && details !== undefined && details.held > 0 ? (
          <Badge mood="warn">{formatCount(details.held)} held</Badge>
        ) : null}
        {view.tags && details !== undefined && details.gone > 0 ? (
          <Badge mood="plain">{formatCount(details.gone)} gone</Badge>
        ) : null}
      </th>
      {view.tags ? (
        <>
          <td class="number">{details === undefined ? '' : formatCount(details.tags)}</td>
          <td>
            {details?.newest === undefined ? null : (
              <>
                <span class="mono">{details.newest.tag}</span>{' '}
                <Age time={details.newest.moved} now={view.now} />
              </>
            )}
          </td>
        </>
      ) : null}
      <td>{details?.checked === undefined ? null : <Age time={details.checked} now={view.now} />}</td>
    </tr>
  );
}

function HeldTags({ view, mirror }: { readonly view: View; readonly mirror: ReadableMirror }) {
  return (
    <section id="held" class="card" aria-labelledby="held-title">
      <h2 id="held-title">Held tags</h2>
      <p class="muted">
        Upstream moved these tags, or somebody holds them. The mirror’s tags stay until somebody approves the
        move, or until the time that is named.
      </p>
      <ul class="held">
        {mirror.held.slice(0, MAX_HELD).map((line) => (
          <HeldItem view={view} line={line} />
        ))}
      </ul>
      <More left={mirror.heldCount - Math.min(mirror.held.length, MAX_HELD)} one="tag" />
    </section>
  );
}

function HeldItem({ view, line }: { readonly view: View; readonly line: HeldLine }) {
  const { repository, tag, digest, upstream, since, reason, until } = line;
  return (
    <li>
      <a class="mono" href={`${repositoryPath(repository)}?tag=${tag}#tag`}>
        {formatReference({ repository, tag, digest: undefined })}
      </a>{' '}
      <small>
        since <Moment time={since} now={view.now} />
      </small>
      <p>
        {shown(reason)}
        <MovesItself until={until} now={view.now} />
        {upstream === undefined ? null : (
          <>
            {' '}
            Here <ShortDigest repository={repository} digest={digest} />, upstream{' '}
            <ShortDigest repository={repository} digest={upstream} />.
          </>
        )}
      </p>
    </li>
  );
}
