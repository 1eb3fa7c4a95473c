/** Reads a page of a listing. A parser of all XML takes ten times as long, and a large bucket has hundreds of pages. Pure. */
import type { ListedObject } from '../../engine/store/store.ts';
import type { ListedPage } from './bucket-calls.ts';
import { timeOf, tokenAfter } from './pages.ts';

const BEGIN = /^\s*(?:<\?xml[^>]*\?>)?\s*<ListBucketResult(?:\s[^>]*)?>/;
const END = /<\/ListBucketResult>\s*$/;
/** The signs of an unusual listing: keys in another encoding, comments and CDATA. */
const OTHER = /<EncodingType>[^<]|<!/;
const OBJECT = /<Contents>(.*?)<\/Contents>/gs;
const ENTITY = /&(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-f]+);|&/gi;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * @param token that of the page itself
 * @returns undefined for a page that is written in another way, which is to be read by a parser of all XML
 * @throws {OddAnswerError} for a page that leads to itself
 */
export function readListPage(text: string, token: string | undefined): ListedPage | undefined {
  if (!BEGIN.test(text) || !END.test(text) || OTHER.test(text)) return undefined;
  const objects: ListedObject[] = [];
  for (const [, content = ''] of text.matchAll(OBJECT)) {
    const [key, size, etag] = [textOf(content, 'Key'), textOf(content, 'Size'), textOf(content, 'ETag')];
    if (key === undefined || key === '' || size === undefined || !/^\d+$/.test(size)) return undefined;
    const written = timeOf(textOf(content, 'LastModified'));
    objects.push({ key, size: Number(size), etag: etag ?? '', written });
  }
  if (objects.length !== text.split('<Contents').length - 1) return undefined;
  const end = text.lastIndexOf('</Contents>');
  // These stand before or after the objects.
  const around = end === -1 ? text : text.slice(0, text.indexOf('<Contents>')) + text.slice(end);
  const isTruncated = textOf(around, 'IsTruncated');
  // Some servers leave it out, and then the token says whether there is a next page.
  const hasNext = isTruncated === undefined ? undefined : isTruncated !== 'false';
  const next = textOf(around, 'NextContinuationToken') ?? '';
  return { objects, next: tokenAfter(hasNext, next, token) };
}

/** @returns the text of the first element of this name; undefined if there is none, or it cannot be read */
function textOf(content: string, name: string): string | undefined {
  const begin = content.indexOf(`<${name}>`);
  if (begin === -1) return undefined;
  const end = content.indexOf('<', begin + 1);
  if (!content.startsWith(`</${name}>`, end)) return undefined;
  // A copy, because V8 keeps the whole page in memory for as long as a part of it is in use.
  const text = Buffer.from(content.slice(begin + name.length + 2, end)).toString();
  return text.includes('&') ? decoded(text) : text;
}

function decoded(text: string): string | undefined {
  let isRead = true;
  const plain = text.replaceAll(ENTITY, (entity) => {
    const name = entity.slice(1, -1).toLowerCase();
    const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    const character = name.startsWith('#') ? characterOf(code) : NAMED[name];
    if (character === undefined) isRead = false;
    return character ?? '';
  });
  return isRead ? plain : undefined;
}

function characterOf(code: number): string | undefined {
  return code > 0 && code <= 0x10_ffff ? String.fromCodePoint(code) : undefined;
}
