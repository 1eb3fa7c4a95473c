/** Finds the variables that a configuration names, for a check that has no secrets. */
import { isScalar, LineCounter, parseDocument, visit, type Node } from 'yaml';
import { formatPath, pathOfNodes } from './path.ts';
import type { Environment } from './variable.ts';

export interface NamedVariable {
  readonly name: string;
  /** The line of the first value that has it, counted from 1. */
  readonly line: number | undefined;
  /** The key of that value, such as `upstreams["docker.io"].credentials[0].password`. */
  readonly key: string;
  /** The keys of all values that have it, also by an alias. */
  readonly keys: readonly string[];
  /** Whether the variable is all of that value. */
  readonly isWhole: boolean;
}

const VARIABLE = /\$\{([A-Za-z_]\w*)\}/g;
/** Keys whose values are addresses, so that another text would not do in the place of a variable. */
const ADDRESS = /(?:^|\.)(?:endpoint|url|ping|ping\.(?:start|success|fail))$/;
/** A signing secret is `whsec_` and base64. */
const SIGNING_SECRET = /^notify\[\d+\]\.secret$/;
const SECRET_PLACEHOLDER = 'cGxhY2Vob2xkZXIt'.repeat(3);
/** A text as long as the longest that any key needs. */
const PLACEHOLDER = 'placeholder-'.repeat(4);

/** @returns each variable once, in the order of the file; none for a text that is not YAML, which the parser refuses */
export function findVariables(text: string): readonly NamedVariable[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  if (document.errors.length > 0) return [];
  const found = new Map<string, NamedVariable & { readonly keys: string[] }>();
  const add = (node: Node, ancestors: readonly unknown[]) => {
    if (!isScalar(node) || typeof node.value !== 'string') return;
    const key = formatPath(pathOfNodes([...ancestors, node]));
    for (const [whole, name = ''] of node.value.matchAll(VARIABLE)) {
      const known = found.get(name);
      if (known !== undefined) {
        known.keys.push(key);
        continue;
      }
      found.set(name, {
        name,
        line: node.range ? lines.linePos(node.range[0]).line : undefined,
        key,
        keys: [key],
        isWhole: whole === node.value,
      });
    }
  };
  visit(document, {
    Scalar(role, node, ancestors) {
      if (role !== 'key') add(node, ancestors);
    },
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      if (target === undefined) return;
      visit(target, {
        Scalar(role, node, within) {
          if (role !== 'key') add(node, [...ancestors, ...within]);
        },
      });
    },
  });
  return [...found.values()];
}

/**
 * Returns the environment with a made-up value for each variable that is not set in it, so that the rest of the
 * configuration can be checked.
 */
export function withPlaceholders(variables: readonly NamedVariable[], environment: Environment): Environment {
  const placeholders = unsetOf(variables, environment).map((variable) => [
    variable.name,
    placeholderFor(variable),
  ]);
  return { ...environment, ...Object.fromEntries(placeholders) };
}

function placeholderFor({ name, key, isWhole }: NamedVariable): string {
  if (SIGNING_SECRET.test(key)) return `${isWhole ? 'whsec_' : ''}${SECRET_PLACEHOLDER}`;
  return ADDRESS.test(key) && isWhole
    ? `https://${name.toLowerCase().replaceAll('_', '-')}.invalid`
    : PLACEHOLDER;
}

/** An empty variable counts as unset, because a missing secret often arrives as "". */
export function unsetOf(
  variables: readonly NamedVariable[],
  environment: Environment,
): readonly NamedVariable[] {
  return variables.filter(({ name }) => !Object.hasOwn(environment, name) || environment[name] === '');
}
