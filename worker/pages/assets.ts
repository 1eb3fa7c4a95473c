/** The files that pages need. Each has its content's hash in its path, so that a client keeps it for ever. */
import type { Answer } from '../answer/answer.ts';
import { STYLESHEET } from './stylesheet.ts';

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><g fill="none" stroke-width="7"><circle cx="12" cy="12" r="8" stroke="#0f766e"/><circle cx="12" cy="12" r="8" stroke="#f4f6f6" stroke-dasharray="4 8.57"/></g></svg>';

/** Crawlers would cost an operator requests, and all that is here is at its upstream too. */
const ROBOTS = 'User-agent: *\nDisallow: /\n';

const HOURLY = 'public, max-age=3600';
const IMMUTABLE = 'public, max-age=31536000, immutable';

export const STYLESHEET_PATH = `/_assets/${hashOf(STYLESHEET)}.css`;
export const ICON_PATH = `/_assets/${hashOf(ICON)}.svg`;

interface Asset {
  readonly type: string;
  readonly cacheControl: string;
  readonly text: string;
}

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  [STYLESHEET_PATH, { type: 'text/css; charset=utf-8', cacheControl: IMMUTABLE, text: STYLESHEET }],
  [ICON_PATH, { type: 'image/svg+xml', cacheControl: IMMUTABLE, text: ICON }],
  ['/favicon.ico', { type: 'image/svg+xml', cacheControl: HOURLY, text: ICON }],
  ['/robots.txt', { type: 'text/plain; charset=utf-8', cacheControl: HOURLY, text: ROBOTS }],
]);

const encoder = new TextEncoder();

/** @returns undefined if there is no such file, as after a new release */
export function answerAsset(path: string): Answer | undefined {
  const asset = ASSETS.get(path);
  if (asset === undefined) return undefined;
  const { type, cacheControl, text } = asset;
  const body = new Uint8Array(encoder.encode(text));
  return {
    status: 200,
    headers: {
      'Content-Type': type,
      'Content-Length': String(body.length),
      'Cache-Control': cacheControl,
      'X-Content-Type-Options': 'nosniff',
    },
    body,
  };
}

/** FNV-1a. It tells versions of a file apart; nobody relies on it for more. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
