/** The parts that several pages have in common. */
import type { Child } from 'hono/jsx';
import type { Digest } from '../../core/digest.ts';
import type { Repository, Tag } from '../../core/reference.ts';
import { counted, cut, formatAge, formatCount, formatTime, shortDigest } from './formats.ts';

/** The age of a time, with the time itself for machines and on hover. */
export function Age({ time, now }: { readonly time: string; readonly now: number }) {
  return (
    <time datetime={`${time.slice(0, 16)}Z`} title={formatTime(time)}>
      {formatAge(time, now)}
    </time>
  );
}

/** A time and its age. */
export function Moment({ time, now }: { readonly time: string; readonly now: number }) {
  return (
    <>
      <time datetime={`${time.slice(0, 16)}Z`}>{formatTime(time)}</time>{' '}
      <small>({formatAge(time, now)})</small>
    </>
  );
}

/** Says when a held tag moves without anybody; nothing if it does not. @param until the time from which on policy allows it */
export function MovesItself({ until, now }: { readonly until: string | undefined; readonly now: number }) {
  if (until === undefined) return null;
  if (Date.parse(until) <= now) return <> The next run goes on with it.</>;
  return (
    <>
      {' '}
      It moves by itself from <time datetime={`${until.slice(0, 16)}Z`}>{formatTime(until)}</time> on.
    </>
  );
}

export function repositoryPath(repository: Repository): string {
  return `/r/${repository}`;
}

export function manifestPath(repository: Repository, digest: Digest): string {
  return `/r/${repository}@${digest}`;
}

/** The path of the manifest's own bytes. */
export function rawPath(repository: Repository, reference: Digest | Tag): string {
  return `/v2/${repository}/manifests/${reference}`;
}

export function blobPath(repository: Repository, digest: Digest): string {
  return `/v2/${repository}/blobs/${digest}`;
}

interface DigestProps {
  readonly repository: Repository;
  readonly digest: Digest;
}

/** A link to a manifest, whose text is the first digits of the digest. */
export function ShortDigest({ repository, digest }: DigestProps) {
  return (
    <a class="mono" href={manifestPath(repository, digest)}>
      {shortDigest(digest)}
    </a>
  );
}

/** The same link with the whole digest. */
export function WholeDigest({ repository, digest }: DigestProps) {
  return (
    <a class="mono break" href={manifestPath(repository, digest)}>
      {digest}
    </a>
  );
}

export type Mood = 'ok' | 'warn' | 'bad' | 'plain';

/** A word about a state. The word itself says it, and the colour only repeats it. */
export function Badge({ mood, children }: { readonly mood: Mood; readonly children?: Child }) {
  return <span class={`badge ${mood}`}>{children}</span>;
}

/** A command or a file that one click selects whole. A command wraps, and is copied as one line. */
export function Copyable({ text }: { readonly text: string }) {
  return (
    <pre tabindex={0} class={text.includes('\n') ? 'copy' : 'copy wrap'}>
      {text}
    </pre>
  );
}

interface SearchProps {
  readonly action: string;
  readonly label: string;
  readonly value: string;
}

export function Search({ action, label, value }: SearchProps) {
  return (
    <form class="search" method="get" action={action} role="search">
      <input
        type="search"
        name="q"
        value={value}
        aria-label={label}
        placeholder={label}
        maxlength={200}
        autocomplete="off"
        spellcheck={false}
      />
      <button type="submit">Search</button>
    </form>
  );
}

/** How many rows a page has. */
export const ROWS = 50;

export interface Rows<Item> {
  readonly items: readonly Item[];
  /** The number of this page, from 1. A number beyond the last page becomes the last page's. */
  readonly number: number;
  readonly pages: number;
  readonly total: number;
}

export function rowsOf<Item>(all: readonly Item[], asked: number): Rows<Item> {
  const pages = Math.max(1, Math.ceil(all.length / ROWS));
  const number = Math.min(asked, pages);
  return { items: all.slice((number - 1) * ROWS, number * ROWS), number, pages, total: all.length };
}

interface PagerProps {
  readonly rows: Rows<unknown>;
  readonly path: string;
  readonly search: string;
  readonly label: string;
}

/** Links to the other pages of a list; nothing if all of it is shown. */
export function Pager({ rows: { number, pages, total }, path, search, label }: PagerProps) {
  if (pages === 1) return null;
  const first = (number - 1) * ROWS + 1;
  return (
    <nav class="pager" aria-label={label}>
      <PagerLink href={number > 1 ? listHref(path, search, number - 1) : undefined} rel="prev">
        ← Previous
      </PagerLink>
      <span>
        {formatCount(first)}–{formatCount(Math.min(first + ROWS - 1, total))} of {formatCount(total)}
      </span>
      <PagerLink href={number < pages ? listHref(path, search, number + 1) : undefined} rel="next">
        Next →
      </PagerLink>
    </nav>
  );
}

function PagerLink({
  href,
  rel,
  children,
}: {
  readonly href: string | undefined;
  readonly rel: string;
  readonly children?: Child;
}) {
  return href === undefined ? (
    <span class="off" aria-hidden="true">
      {children}
    </span>
  ) : (
    <a href={href} rel={rel}>
      {children}
    </a>
  );
}

/** The address of a part of a list. @param others further parameters of the query */
export function listHref(
  path: string,
  search: string,
  number: number,
  others: Record<string, string> = {},
): string {
  const query = new URLSearchParams(others);
  if (search !== '') query.set('q', search);
  if (number > 1) query.set('page', String(number));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

interface MoreProps {
  readonly left: number;
  readonly one: string;
  /** The path of the bytes that have all of them. */
  readonly raw?: string;
}

/** Says that a list was cut. */
export function More({ left, one, raw }: MoreProps) {
  if (left <= 0) return null;
  return (
    <p class="muted">
      … and {counted(left, `more ${one}`)}.
      {raw === undefined ? null : (
        <>
          {' '}
          <a href={raw}>The raw bytes</a> have all.
        </>
      )}
    </p>
  );
}

const OCI = 'https://github.com/opencontainers/image-spec/blob/v1.1.1/';
const DOCKER = 'https://distribution.github.io/distribution/spec/manifest-v2-2/';

/** The addresses that explain media types, by the beginning of the type. */
const EXPLAINED: readonly (readonly [string, string])[] = [
  ['application/vnd.oci.image.index.', `${OCI}image-index.md`],
  ['application/vnd.oci.image.manifest.', `${OCI}manifest.md`],
  ['application/vnd.oci.image.config.', `${OCI}config.md`],
  ['application/vnd.oci.image.layer.', `${OCI}layer.md`],
  ['application/vnd.oci.empty.', `${OCI}manifest.md`],
  ['application/vnd.docker.', DOCKER],
  ['application/vnd.in-toto', 'https://in-toto.io/'],
  ['application/vnd.dev.cosign', 'https://docs.sigstore.dev/'],
  ['application/vnd.dev.sigstore', 'https://docs.sigstore.dev/'],
  ['application/spdx', 'https://spdx.dev/'],
  ['application/vnd.cyclonedx', 'https://cyclonedx.org/'],
  ['application/vnd.cncf.helm', 'https://helm.sh/docs/topics/registries/'],
];

interface MediaTypeProps {
  readonly type: string;
  /** The type in the row above: the same one has no second link. */
  readonly above?: string | undefined;
}

/** A media type, with a link to its explanation if there is one. */
export function MediaType({ type, above }: MediaTypeProps) {
  const [, href] = EXPLAINED.find(([beginning]) => type !== above && type.startsWith(beginning)) ?? [];
  const Name = href === undefined ? 'span' : 'a';
  return (
    <Name class="mono break" href={href}>
      {cut(type)}
    </Name>
  );
}
