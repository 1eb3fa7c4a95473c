/**
 * Replaces `${NAME}` in values by the environment's value. That value is not parsed again, because a password may
 * contain anything.
 */
import { visit, type Document, type LineCounter, type Scalar } from 'yaml';
import { ProblemsError, type Problem } from './configuration-error.ts';
import { formatPath, pathOfNodes } from './path.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Matches a variable as in a shell, without braces. It is refused, because its name would be sent as a key or a
 * password.
 */
const BARE = /^\$[A-Z_][A-Z0-9_]*$/;
/** The sentence does not quote the value, because the value could be a password after all. */
const WITHOUT_BRACES =
  'this looks like a variable without its braces, and would be taken literally. Write a variable as in ${S3_ENDPOINT}.';

const VARIABLE = /\$\{([^}]*)\}/g;

/**
 * Puts the environment's values into the document.
 * @returns each value that was changed, with the text that the file has in its place
 * @throws {ProblemsError} for every variable that is not set, or is empty, because a missing secret often arrives as ""
 */
export function fillVariables(
  document: Document,
  lines: LineCounter,
  environment: Environment,
): ReadonlyMap<Scalar, string> {
  const filled = new Map<Scalar, string>();
  const problems: Problem[] = [];
  visit(document, {
    Scalar(role, node, ancestors) {
      const written = node.value;
      if (typeof written !== 'string' || !written.includes('$')) return;
      const refuse = (message: string): string => {
        const line = node.range ? lines.linePos(node.range[0]).line : undefined;
        const key = role === 'key' ? '' : formatPath(pathOfNodes([...ancestors, node]));
        problems.push({ line, key, message });
        return '';
      };
      if (BARE.test(written)) refuse(WITHOUT_BRACES);
      node.value = written.replaceAll(VARIABLE, (whole, name: string) => {
        if (role === 'key') return refuse(`${whole} stands in a key, and variables are read in values only.`);
        if (!/^[A-Za-z_]\w*$/.test(name)) {
          return refuse(
            `${whole} is not a variable: only a name may stand between the braces, as in \${S3_ENDPOINT}.`,
          );
        }
        // Only own properties count, because otherwise `${constructor}` would be a variable.
        const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
        if (value !== undefined && value !== '') return value;
        const state = value === undefined ? 'not set' : 'empty';
        return refuse(
          `the environment variable ${name} is ${state}. Set it, or replace ${whole} by its value.`,
        );
      });
      if (node.value !== written) filled.set(node, written);
    },
  });
  if (problems.length > 0) throw new ProblemsError(problems);
  return filled;
}
