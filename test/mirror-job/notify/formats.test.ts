/** Messages in each format: golden ones, texts that somebody wrote to do harm, and the limits of Slack and Teams. */
import { expect, test } from 'vitest';
import { isObject } from '../../../core/json.ts';
import { exitCodeOf, type RunReport } from '../../../mirror-job/engine/report.ts';
import { formatJsonMessage } from '../../../mirror-job/notify/formats/json.ts';
import { formatSlackMessage } from '../../../mirror-job/notify/formats/slack.ts';
import { formatTeamsMessage } from '../../../mirror-job/notify/formats/teams.ts';
import type { Memory } from '../../../mirror-job/notify/memory.ts';
import { headlineOf, sectionsOf, type Message } from '../../../mirror-job/notify/message.ts';
import { newsFor } from '../../../mirror-job/notify/news.ts';
import { factsOf } from '../../../mirror-job/notify/problems.ts';
import { failed, held, moved, reportOf } from './reports.ts';

const FORMATS = {
  json: formatJsonMessage,
  slack: formatSlackMessage,
  teams: formatTeamsMessage,
} as const;
const APP = 'a.test/team/app';
const LISTENER = {
  id: 'one',
  on: new Set(['failed', 'finding', 'held', 'moved', 'stale'] as const),
  staleAfterMs: 86_400_000,
};

/** The news that the address was told an hour before: one failure, which lasts, and one that has ended. */
const MEMORY: Memory = new Map(
  ['1', '9'].map((tag) => [
    `unseen ${APP}:${tag}`,
    {
      name: `${APP}:${tag}`,
      since: '2026-11-28T10:30:00.000Z',
      told: new Map([['one', { event: 'failed' as const, at: '2026-11-28T10:30:00.000Z' }]]),
    },
  ]),
);

function messageOf(report: RunReport, memory: Memory = new Map(), hide = (text: string) => text): Message {
  const { news } = newsFor(LISTENER, factsOf(report), memory, new Date(report.ended));
  const sections = sectionsOf(news, hide);
  const { run, begun, ended, counts } = report;
  return {
    type: 'lifeboat.run',
    mirror: 'default',
    at: ended,
    headline: headlineOf('default', sections),
    run: { run, begun, ended, exitCode: exitCodeOf(report), counts },
    sections,
    next: 'The whole report is state/default/last-run.json in the bucket.',
  };
}

/** Every text of a message, with the keys that lead to it. */
function textsOf(value: unknown, path = ''): [path: string, text: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((one: unknown) => textsOf(one, path));
  if (!isObject(value)) return [];
  const type = typeof value['type'] === 'string' ? `${value['type']}.` : '';
  return Object.entries(value).flatMap(([key, one]) => textsOf(one, `${path}/${type}${key}`));
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

test.each(Object.entries(FORMATS))('%s: a message with news of each kind', async (name, format) => {
  const findings = [{ kind: 'object-lost' as const, message: 'A blob is lost. Look at the store.' }];
  const report = reportOf(
    [failed(APP, '1', 'It is still down.'), failed(APP, '2'), held(APP, '3'), moved(APP, '4')],
    { findings },
  );
  const written = `${JSON.stringify(format(messageOf(report, MEMORY)), undefined, 2)}\n`;
  await expect(written).toMatchFileSnapshot(`golden/${name}.json`);
});

/** Markup of Slack, of Markdown and of cards, and characters that control a terminal or the direction of a text. */
const HOSTILE =
  '<!channel> <https://evil.test|click> *bold* _it_ ~no~ `code` & [click](https://evil.test) **b** <at>all</at> {{DATE(2026-01-01T00:00:00Z)}} \u001B[31m\u202Eab\u0000\nnext';

test('slack: a text of an upstream is never in a text with markup', () => {
  const written = textsOf(formatSlackMessage(messageOf(reportOf([failed(APP, '1', HOSTILE)]))));
  const hostile = written.filter(([, text]) => text.includes('evil.test'));
  expect(hostile.map(([path]) => path)).toEqual([
    '/blocks/rich_text.elements/rich_text_list.elements/rich_text_section.elements/text.text',
  ]);
  expect(hostile[0]?.[1]).toContain('<!channel> <https://evil.test|click> *bold*');
  expect(written.filter(([path]) => path.includes('mrkdwn'))).toEqual([]);
});

test('teams: a text of an upstream is never in a text block, and calls no function of cards', () => {
  const written = textsOf(formatTeamsMessage(messageOf(reportOf([failed(APP, '1', HOSTILE)]))));
  const hostile = written.filter(([, text]) => text.includes('evil.test'));
  expect(hostile.map(([path]) => path.replace(/^.*AdaptiveCard\./, ''))).toEqual([
    'body/RichTextBlock.inlines/TextRun.text',
  ]);
  expect(hostile[0]?.[1]).toContain('[click](https://evil.test) **b** <at>all</at> { {DATE(');
  expect(written.filter(([path, text]) => path.includes('TextBlock.text') || text.includes('{{'))).toEqual(
    [],
  );
});

test.each(Object.entries(FORMATS))('%s: no text has a character that cannot be printed', (_, format) => {
  const texts = textsOf(format(messageOf(reportOf([failed(APP, '1', HOSTILE)]))));
  const joined = texts.map(([, text]) => text).join('');
  expect(joined).toContain(String.raw`\u001b[31m\u202eab\u0000\u000anext`);
  expect(joined).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
});

test.each(Object.entries(FORMATS))('%s: a secret is hidden before a text is shortened', (_, format) => {
  const secret = 's3cret'.repeat(20);
  const hide = (text: string) => text.replaceAll(secret, '***');
  // The secret lies where the text is cut.
  for (let before = 100; before < 500; before += 50) {
    const report = reportOf([failed(APP, '1', `${'x'.repeat(before)}${secret}${'y'.repeat(700)}`)]);
    expect(JSON.stringify(format(messageOf(report, new Map(), hide)))).not.toContain('s3cret');
  }
});

test('a section has ten lines, and counts the others', () => {
  const items = Array.from({ length: 2500 }, (_, index) => failed(APP, `tag-${index}`));
  const { sections, headline } = messageOf(reportOf(items));
  expect(headline).toBe('Lifeboat mirror default: 2500 failed');
  expect(sections).toMatchObject([{ count: 2500, more: 2490 }]);
  expect(sections[0]?.lines).toHaveLength(10);
});

/** The largest texts that a report can have, of characters that take most bytes. */
function largestReport(): RunReport {
  const text = '\u{1F600}\u202E"\\'.repeat(600);
  const name = `a.test/${'n'.repeat(240)}`;
  const tags = Array.from({ length: 30 }, (_, index) => `${index}-`.padEnd(128, 't'));
  const findings = tags.map((tag) => ({ kind: 'object-lost' as const, cluster: tag, message: text }));
  const lasting = tags.slice(0, 10).map((tag) => failed(`${name}b`, tag, text));
  return reportOf(
    [...lasting, ...tags.flatMap((tag) => [failed(name, tag, text), held(name, tag), moved(name, tag)])],
    { findings },
  );
}

test('the largest message is within the limits of Slack and of Teams', () => {
  const message = messageOf(largestReport(), MEMORY);
  expect(message.sections.length).toBeGreaterThan(4);
  expect(
    message.sections.every(({ count, lines, more }) => lines.length > 0 && lines.length + more === count),
  ).toBe(true);
  expect(bytesOf(formatTeamsMessage(message))).toBeLessThan(28 * 1024);
  const slack = formatSlackMessage(message);
  const blocks: unknown = isObject(slack) ? slack['blocks'] : undefined;
  if (!Array.isArray(blocks)) throw new Error('There are blocks.');
  expect(blocks.length).toBeLessThanOrEqual(50);
  expect(JSON.stringify(blocks).length).toBeLessThan(13_000);
  for (const block of blocks) {
    const length = textsOf(block).reduce(
      (sum, [path, text]) => sum + (path.endsWith('.text') ? text.length : 0),
      0,
    );
    expect(length).toBeLessThanOrEqual(3000);
  }
});

test('one section with many long lines is divided into blocks', () => {
  const items = Array.from({ length: 10 }, (_, index) => failed(APP, `${index}`, 'x'.repeat(2000)));
  const slack = formatSlackMessage(messageOf(reportOf(items)));
  const blocks: unknown = isObject(slack) ? slack['blocks'] : undefined;
  if (!Array.isArray(blocks)) throw new Error('There are blocks.');
  expect(blocks).toHaveLength(4);
  expect(textsOf(blocks).filter(([, text]) => text.startsWith(`${APP}:`))).toHaveLength(10);
});
