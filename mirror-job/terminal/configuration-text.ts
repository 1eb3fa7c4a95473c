/** Shows people what `lifeboat check` found in a valid configuration. */
import { countOf } from '../engine/support/count-of.ts';
import { quote } from './command-line.ts';
import { alignColumns } from './style.ts';

/** The result of `lifeboat check`. */
export interface CheckedConfiguration {
  readonly file: string;
  /** How many entries `images` has. */
  readonly images: number;
  /** How many entries `onDemand` has. */
  readonly onDemand: number;
  readonly stores: number;
  readonly variables: readonly CheckedVariable[];
  /** Undefined if the configuration was not checked for a job in a Worker. */
  readonly worker: { readonly file: string; readonly secrets: readonly string[] } | undefined;
}

interface CheckedVariable {
  readonly name: string;
  readonly line: number | undefined;
  readonly key: string;
  /** Whether the environment has it here. */
  readonly isSet: boolean;
}

export function describeCheckedConfiguration(checked: CheckedConfiguration): string {
  const { file, images, onDemand, stores, variables, worker } = checked;
  const parts = [
    `${images} ${images === 1 ? 'entry' : 'entries'} of images`,
    ...(onDemand > 0 ? [`${onDemand} of onDemand`] : []),
    countOf(stores, 'store'),
  ];
  const lines = [
    `${file} is valid${worker === undefined ? '' : ', and a Worker can use it'}: ${parts.join(', ')}.`,
  ];
  // A Worker has the values of its secrets, and not those of this shell.
  if (worker === undefined && variables.length > 0) lines.push('', 'Variables:', ...variableRows(variables));
  if (worker !== undefined && worker.secrets.length > 0) {
    lines.push(
      '',
      'Secrets that the Worker needs:',
      ...worker.secrets.map((name) => `  npx wrangler secret put ${name} -c ${quote(worker.file)}`),
    );
  }
  return lines.join('\n');
}

function variableRows(variables: readonly CheckedVariable[]): string[] {
  return alignColumns(
    variables.map(({ name, line, key, isSet }) => [
      `  ${name}`,
      isSet ? 'set here' : 'not set here',
      line === undefined ? key : `line ${line}: ${key}`,
    ]),
  );
}
