/**
 * Variables in the names of images of GitLab CI.
 * https://docs.gitlab.com/ci/variables/where_variables_can_be_used/
 */
import { expand, literal, type Expansion, type VariableSyntax } from './variable.ts';
import type { YamlValue } from './yaml-value.ts';

const SYNTAX: VariableSyntax = { hasModifiers: false, hasDoubledDollar: true };
const LIST_THEM = 'List the images that it stands for in a file of their own.';

/** Puts values into texts. Values may contain variables themselves. */
export class GitLabVariables {
  readonly #values: ReadonlyMap<string, YamlValue>;
  /** A variable that is being read has no value yet, so that one that contains itself comes to an end. */
  readonly #expanded = new Map<string, Expansion | undefined>();

  constructor(values: ReadonlyMap<string, YamlValue>) {
    this.#values = values;
  }

  expand(text: string): Expansion {
    if (text.includes('$[[')) {
      return { text: '', missing: [], fault: `an input of the pipeline is part of its name. ${LIST_THEM}` };
    }
    return expand(text, SYNTAX, (name) => this.#valueOf(name));
  }

  #valueOf(name: string): Expansion | undefined {
    if (this.#expanded.has(name)) return this.#expanded.get(name);
    this.#expanded.set(name, undefined);
    const value = this.#values.get(name);
    // With a description, or with `expand: false`, a variable is a map.
    const text = value?.isMap === true ? value.get('value')?.text : value?.text;
    if (text === undefined) return undefined;
    const isLiteral = value?.get('expand')?.text === 'false';
    const expansion = isLiteral ? literal(text) : this.expand(text);
    this.#expanded.set(name, expansion);
    return expansion;
  }
}

/** Says why a variable has no value, and what to do. */
export function explainGitLabVariable(name: string): string {
  if (name === 'CI_REGISTRY_IMAGE') {
    return `${name} is the project's own image, in the registry of its GitLab. Name it in a file of its own if it is needed.`;
  }
  if (name.startsWith('CI_DEPENDENCY_PROXY')) {
    return `${name} leads to GitLab's own cache of Docker Hub. Name the image of Docker Hub in a file of its own.`;
  }
  if (/^(?:CI|GITLAB)_/.test(name))
    return `${name} gets its value from GitLab when a pipeline runs. ${LIST_THEM}`;
  return `the file gives ${name} no value. Give it one in "variables". If GitLab's settings have it: ${LIST_THEM}`;
}
