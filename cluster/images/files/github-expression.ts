/** `${{ … }}` of GitHub Actions. Only a value of the matrix can be told without a run. */
import { literal, type Expansion } from './variable.ts';
import type { MatrixJob } from './github-matrix.ts';

const START = '${{';
const END = '}}';
const MATRIX_VALUE = /^matrix((?:\.[\w-]+)+)$/i;

export function hasExpression(text: string): boolean {
  return text.includes(START);
}

/**
 * Puts the values of one job into a text. A value that the job lacks is empty, as it is at GitHub.
 * @param job undefined if its values cannot be told
 * @returns `missing` with the expressions that cannot be told
 */
export function withMatrixValues(text: string, job: MatrixJob | undefined): Expansion {
  let filled = '';
  let at = 0;
  for (let start = text.indexOf(START); start !== -1; start = text.indexOf(START, at)) {
    const end = text.indexOf(END, start);
    if (end === -1) return { text: '', missing: [], fault: `a "${END}" is missing. Add it.` };
    const expression = text.slice(start + START.length, end).trim();
    const value = valueOf(expression, job);
    if (value === undefined || hasExpression(value)) return { text: '', missing: [expression] };
    filled += text.slice(at, start) + value;
    at = end + END.length;
  }
  return literal(filled + text.slice(at));
}

function valueOf(expression: string, job: MatrixJob | undefined): string | undefined {
  const [, path] = MATRIX_VALUE.exec(expression) ?? [];
  if (path === undefined || job === undefined) return undefined;
  const [, key = '', ...keys] = path.split('.');
  const value = job.get(key)?.at(...keys);
  return value?.isMap === true || value?.isList === true ? undefined : (value?.text ?? '');
}
