/** Tables of wrong configurations: the mistake, the text, and the message. */
import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../../mirror-job/configuration/configuration-error.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';

export type Case = readonly [what: string, text: string, complaint: string];

/** The first line of most texts. */
export const STORE = 'store: { endpoint: "https://s3.example.com", bucket: lifeboat }\n';

const SECRET = 'hunter2/with spaces:and*"quotes"';
const ENVIRONMENT = { SECRET, EMPTY: '', HOST: 'registry.example' };

export function testComplaints(what: string, cases: readonly Case[]): void {
  describe.each(cases)(`${what}: %s`, (_, text, expected) => {
    test('the message', () => {
      expect(complaintOf(text)).toBe(expected);
    });

    test('the same with Windows line ends', () => {
      expect(complaintOf(text.replaceAll('\n', '\r\n'))).toBe(expected);
    });

    test('no secret in it', () => {
      expect(complaintOf(text)).not.toContain('hunter2');
    });
  });
}

/** @returns the message about the text, or "" if it is right */
function complaintOf(text: string): string {
  try {
    parseConfiguration('f.yaml', text, ENVIRONMENT);
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
}
