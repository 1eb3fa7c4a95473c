/** The frame of every page: head, navigation, the notice about old data, and the line at the end. */
import type { Child } from 'hono/jsx';
import { STYLESHEET_PATH, ICON_PATH } from './assets.ts';
import { Age, Moment } from './elements.tsx';

/** The circumstances that a page is shown in. */
export interface View {
  /** The origin by which the client reached the edge. */
  readonly origin: string;
  readonly host: string;
  /** The edge's clock, milliseconds since 1970. */
  readonly now: number;
  /** Whether people need a token. */
  readonly isPrivate: boolean;
  /** Whether the token may not read everything, so that no page has numbers about everything. */
  readonly isPartial: boolean;
  /** Whether tags are shown. */
  readonly tags: boolean;
}

export interface PageContent {
  readonly title: string;
  readonly section?: 'home' | 'status';
  /** When the data was read, if no store answers any more. ISO 8601, UTC. */
  readonly staleSince?: string | undefined;
  /** Whether somebody may see nothing but this page. */
  readonly isLocked?: boolean;
  readonly content: Child;
  /** The same page with less of each list; undefined if there is no such. */
  readonly smaller?: (() => PageContent) | undefined;
}

export async function renderDocument({ host, now }: View, page: PageContent): Promise<string> {
  const { title, section, staleSince, isLocked = false, content } = page;
  const html = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <link rel="stylesheet" href={STYLESHEET_PATH} />
        <link rel="icon" href={ICON_PATH} type="image/svg+xml" />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header>
          <a class="brand" href="/">
            <Mark />
            {host}
          </a>
          {isLocked ? null : (
            <nav aria-label="Main">
              <a href="/" aria-current={section === 'home' ? 'page' : undefined}>
                Repositories
              </a>
              <a href="/status" aria-current={section === 'status' ? 'page' : undefined}>
                Status
              </a>
            </nav>
          )}
        </header>
        <main id="main" tabindex={-1}>
          {staleSince === undefined ? null : (
            <p class="notice warn" role="status">
              <strong>No store answers.</strong> This page shows data from{' '}
              <Moment time={staleSince} now={now} />. Pulls of what the edge remembers still work.
            </p>
          )}
          {content}
        </main>
        <footer>
          <span>
            <a href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md">OCI registry</a>,
            read-only, by Lifeboat
          </span>
          <span>
            {staleSince === undefined ? (
              <>Read at {new Date(now).toISOString().slice(0, 19).replace('T', ' ')} UTC</>
            ) : (
              <>
                Read <Age time={staleSince} now={now} />
              </>
            )}
          </span>
        </footer>
      </body>
    </html>
  );
  return `<!doctype html>${await html}`;
}

/** A lifebuoy. */
function Mark() {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <circle cx="12" cy="12" r="8" fill="none" stroke="currentColor" stroke-width="7" />
      <circle class="mark" cx="12" cy="12" r="8" fill="none" stroke-width="5" stroke-dasharray="4 8.57" />
    </svg>
  );
}
