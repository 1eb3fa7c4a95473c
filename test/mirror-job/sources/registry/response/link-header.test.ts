/** `Link` headers that registries send, and that the RFC allows. https://www.rfc-editor.org/rfc/rfc8288#section-3 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { nextLink, parseLinks } from '../../../../../mirror-job/sources/registry/response/link-header.ts';

const PAGE = '/v2/team/app/tags/list?last=b&n=2';

test.each<[string, string | null, string | undefined]>([
  ['the specification’s own', `<${PAGE}>; rel="next"`, PAGE],
  ['without quotes', `<${PAGE}>;rel=next`, PAGE],
  ['in capitals', `<${PAGE}> ; REL = "NEXT"`, PAGE],
  ['with other parameters before it', `<${PAGE}>; title="a, b; rel=\\"prev\\""; rel="next"`, PAGE],
  ['with a comma in quotes after it', `<${PAGE}>; rel="next"; title="next, please"`, PAGE],
  ['with a comma in its address', '</v2/app/tags/list?last=a,b>; rel="next"', '/v2/app/tags/list?last=a,b'],
  ['with several relations', `<${PAGE}>; rel="last next"`, PAGE],
  ['with a parameter without a value', `<${PAGE}>; crossorigin; rel=next;`, PAGE],
  ['after others', `</v2/?first>; rel=first, </v2/?prev>; rel="prev" ,<${PAGE}>; rel=next`, PAGE],
  ['after a comma that separates nothing', `, ,<${PAGE}>; rel=next`, PAGE],
  ['twice', `<${PAGE}>; rel=next, </v2/?other>; rel=next`, PAGE],
  ['before what is no link', `<${PAGE}>; rel=next, and so on`, PAGE],
  // crane and skopeo do not look at the relation at all.
  ['without a relation', `<${PAGE}>`, PAGE],
  ['without a relation, with something else', `<${PAGE}>; title="more"`, PAGE],
  ['with an empty relation', `<${PAGE}>; rel=""`, PAGE],
  ['the first of two relations', `<${PAGE}>; rel=prev; rel=next`, undefined],
  ['only others', '</v2/?first>; rel=first, </v2/?prev>; rel="prev"', undefined],
  ['none', null, undefined],
  ['an empty one', ' ', undefined],
])('%s', (_name, header, expected) => {
  expect(nextLink(parseLinks(header))).toBe(expected);
});

test.each<[string, string]>([
  [`${PAGE}; rel="next"`, `${PAGE}; rel="next"`],
  [`<${PAGE}`, `<${PAGE}`],
  ['next', 'next'],
  [`<${PAGE}>; rel="next`, `<${PAGE}>; rel="next`],
  [`<${PAGE}> rel="next"`, `<${PAGE}> rel="next"`],
  ['</v2/?first>; rel=first, next page', 'next page'],
])('%s has a part that is no link', (header, rest) => {
  expect(parseLinks(header).rest).toBe(rest);
});

test.each([',', ' , ,', ' ;'])('%j has no link, and does not end a list', (header) => {
  expect(parseLinks(header).rest).toBe(header.trim());
});

/** Repetitions of these texts turn out to be no link only at their end. */
const REPEATED = [
  '<a>;',
  '<a>; b="\\"',
  '< ',
  '<a> ',
  '<a>;a=',
  ',',
  ' ;',
  '; ',
  ' ; ',
  ';a ',
  ';a= ',
  ';a = b ',
  ';a="b" ',
  ';aaaaaaaa',
  ' ',
  'a ',
];

/** The parser runs in a process of its own, because a regular expression that backtracks cannot be stopped. */
test.each([
  ['a Link header', 'response/link-header.ts', 'parseLinks'],
  ['a WWW-Authenticate header', 'auth/challenge.ts', 'parseChallenges'],
])(
  '%s of 250 KiB is read in no time, whatever it repeats',
  async (_name, file, parse) => {
    const url = new URL(`../../../../../mirror-job/sources/registry/${file}`, import.meta.url);
    const script = `
    import { ${parse} } from ${JSON.stringify(url.href)};
    for (const part of ${JSON.stringify(REPEATED)})
      for (const start of ['<a>', '<a>; rel=first, ', 'Bearer realm="r",'])
        for (const end of ['"', ''])
          ${parse}(start + part.repeat(250_000 / part.length) + end);
    process.stdout.write('read');`;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe('read');
  },
  30_000,
);
