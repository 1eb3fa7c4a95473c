import { expect, test } from 'vitest';
import { OddAnswerError } from '../../../../mirror-job/storage/s3/s3-error.ts';
import { readListPage } from '../../../../mirror-job/storage/s3/list-page.ts';
import { parseXml } from '../../../../mirror-job/storage/s3/xml.ts';

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">';
const END = '<IsTruncated>false</IsTruncated></ListBucketResult>';

const object = (key: string, etag = '&quot;d41d&quot;', size: string | number = 5) =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>${etag}</ETag><Size>${size}</Size><Owner><ID>x</ID></Owner></Contents>`;

test('a page has the keys, sizes, ETags and times of its objects, as a parser of all XML reads them', () => {
  const keys = ['a', 'b &amp; c', '&lt;d&gt;', '&#233;&#xE9;&#x1F600;', ' spaces ', 'ü'];
  const text = `${HEAD}<Name>bucket</Name><Prefix></Prefix><KeyCount>6</KeyCount>\n${keys.map((key) => object(key)).join('\n')}${END}\n`;
  const page = readListPage(text, undefined);
  expect(page?.objects).toEqual(
    ['a', 'b & c', '<d>', 'éé😀', ' spaces ', 'ü'].map((key) => ({
      key,
      size: 5,
      etag: '"d41d"',
      written: new Date('2026-01-01T00:00:00Z'),
    })),
  );
  const parsed = parseXml(text).all('Contents');
  expect(page?.objects.map(({ key }) => key)).toEqual(parsed.map((one) => one.text('Key')));
  expect(page?.next).toBeUndefined();
});

test('a page leads to the next one, and a page that leads to itself is refused', () => {
  const text = `${HEAD}<IsTruncated>true</IsTruncated>${object('a')}<NextContinuationToken>t&amp;1</NextContinuationToken></ListBucketResult>`;
  expect(readListPage(text, undefined)?.next).toBe('t&1');
  expect(() => readListPage(text, 't&1')).toThrow(OddAnswerError);
});

test('a page that does not say whether it is the last one is the last if it has no token', () => {
  const text = `${HEAD}${object('a')}</ListBucketResult>`;
  expect(readListPage(text, undefined)).toMatchObject({ objects: [{ key: 'a' }], next: undefined });
});

test('an empty page has no objects', () => {
  expect(readListPage(`${HEAD}<KeyCount>0</KeyCount>${END}`, undefined)).toEqual({
    objects: [],
    next: undefined,
  });
});

test('an encoding that the server leaves empty, as versitygw does, is none', () => {
  const page = `${HEAD}<IsTruncated>false</IsTruncated>${object('a&#34;')}<EncodingType></EncodingType></ListBucketResult>`;
  expect(readListPage(page, undefined)?.objects).toMatchObject([{ key: 'a"', size: 5 }]);
});

test('an object without an ETag has an empty one, and without a time none', () => {
  const text = `${HEAD}<Contents><Key>a</Key><Size>0</Size></Contents>${END}`;
  expect(readListPage(text, undefined)?.objects).toEqual([{ key: 'a', size: 0, etag: '' }]);
});

test.each([
  ['an error', '<?xml version="1.0"?><Error><Code>InternalError</Code></Error>'],
  ['a page that breaks off', `${HEAD}${object('a')}`],
  ['a page that is cut within an object', `${HEAD}<Contents><Key>a</Key>${END}`],
  ['an object without a key', `${HEAD}<Contents><Size>1</Size></Contents>${END}`],
  ['an object without a size', `${HEAD}<Contents><Key>a</Key></Contents>${END}`],
  ['a size that is no number', `${HEAD}${object('a', '', 'many')}${END}`],
  ['an element with attributes', `${HEAD}<Contents id="1"><Key>a</Key><Size>1</Size></Contents>${END}`],
  ['a key with markup in it', `${HEAD}${object('<b/>')}${END}`],
  ['CDATA', `${HEAD}${object('<![CDATA[a]]>')}${END}`],
  ['keys in another encoding', `${HEAD}<EncodingType>url</EncodingType>${object('a%20b')}${END}`],
  ['an unknown entity', `${HEAD}${object('a&nbsp;b')}${END}`],
  ['a bare ampersand', `${HEAD}${object('a & b')}${END}`],
  ['HTML', '<!doctype html><html></html>'],
])('%s is left to the parser of all XML', (_, text) => {
  expect(readListPage(text, undefined)).toBeUndefined();
});
