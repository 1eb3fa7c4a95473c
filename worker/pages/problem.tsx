/** The pages for what cannot be shown. */
import type { ErrorCode, RegistryError } from '../../core/error.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import type { PageContent, View } from './document.tsx';
import { Copyable } from './elements.tsx';
import { shown } from './formats.ts';

const TITLES: Readonly<Partial<Record<ErrorCode, string>>> = {
  DENIED: 'You may not see this',
  MANIFEST_UNKNOWN: 'There is no such image here',
  NAME_UNKNOWN: 'There is nothing here',
  UNAUTHORIZED: 'This mirror needs a token',
};

/** @param isKnown whether the request has a token that the edge knows, or needs none */
export function problemPage(view: View, error: RegistryError, isKnown: boolean): PageContent {
  const isLocked = view.isPrivate && !isKnown;
  const title = isLocked ? 'This mirror needs a token' : (TITLES[error.code] ?? 'This cannot be shown');
  const content = (
    <div class="problem">
      <p class="status">{error.status}</p>
      <h1>{title}</h1>
      {isLocked ? <Locked view={view} error={error} /> : <Explanation error={error} />}
    </div>
  );
  return { title: `${title} · ${view.host}`, isLocked, content };
}

function Locked({ view, error }: { readonly view: View; readonly error: RegistryError }) {
  if (error.code === 'UNAUTHORIZED') {
    return (
      <p>Log in with any user name, and with the token as the password. Reload the page to be asked again.</p>
    );
  }
  return (
    <>
      <p>
        Only holders of a token see what is here, and this mirror does not ask browsers for a login. A program
        sends the token itself:
      </p>
      <Copyable text={`curl -H "Authorization: Bearer $TOKEN" ${view.origin}/`} />
      <p class="muted">
        For a login in the browser, the operator of this mirror sets <code>AUTH_CHALLENGE</code> to{' '}
        <code>basic</code>.
      </p>
    </>
  );
}

function Explanation({ error }: { readonly error: RegistryError }) {
  return (
    <>
      <p>{shown(error.message)}</p>
      {error.cause instanceof ConfigurationError ? (
        <p class="muted">
          The operator of this mirror has to correct it. Clients ask the next registry meanwhile.
        </p>
      ) : error.code === 'UNAVAILABLE' ? (
        <p class="muted">
          The edge itself works, and clients ask the next registry meanwhile. <a href="/healthz">/healthz</a>{' '}
          says which store was asked when. Reload this page in a minute.
        </p>
      ) : error.code === 'DENIED' ? (
        <p class="muted">Whether it exists is not told either.</p>
      ) : (
        <p class="muted">
          If an image is missing, the mirror may not mirror it, or not yet.{' '}
          <a href="/">See all repositories</a>, or search for it there.
        </p>
      )}
    </>
  );
}
