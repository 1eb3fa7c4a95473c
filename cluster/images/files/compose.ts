/**
 * The images of a Compose file's services.
 * https://docs.docker.com/reference/compose-file/
 */
import type { Found } from '../mention.ts';
import { imagesInDockerfile } from './dockerfile.ts';
import { ImageFile } from './image-file.ts';
import { expand, literal, type VariableSyntax } from './variable.ts';
import { readYaml, type YamlValue } from './yaml-value.ts';

export interface ComposeOptions {
  /** Values of variables, as the environment and `.env` give them. */
  readonly variables?: ReadonlyMap<string, string>;
  /** Values of ARGs of a Dockerfile within the file. They replace those of the file. */
  readonly buildArguments?: ReadonlyMap<string, string>;
}

const FORMAT = 'compose';
const SYNTAX: VariableSyntax = { hasModifiers: true, hasDoubledDollar: true };
/** A build context that is an image. */
const IMAGE_CONTEXT = 'docker-image://';
/** With these, Compose takes only an image that the machine has, or that it builds. */
const NEVER_PULLED: ReadonlySet<string | undefined> = new Set(['never', 'build']);

/** A text with its line, if it is one. */
type WrittenText = Pick<YamlValue, 'text' | 'line'>;

/** Yields the images of all services, whichever profiles are chosen. A service that is only built names none. */
export function* imagesInCompose(text: string, path: string, options: ComposeOptions = {}): Generator<Found> {
  const file = new ImageFile(FORMAT, path);
  const { documents, problems } = readYaml(text, file);
  yield* problems;
  for (const document of documents) {
    const include = document.get('include');
    if (include !== undefined) {
      yield file.problem(
        include.line,
        'The files that "include" names were not read. Name them on the command line too.',
      );
    }
    for (const [name, service] of document.get('services')?.entries ?? []) {
      yield* new ServiceReader(file, path, name, options).read(service);
    }
  }
}

class ServiceReader {
  readonly #file: ImageFile;
  readonly #path: string;
  readonly #name: string;
  readonly #variables: ReadonlyMap<string, string>;
  readonly #buildArguments: ReadonlyMap<string, string>;

  constructor(file: ImageFile, path: string, name: string, options: ComposeOptions) {
    this.#file = file;
    this.#path = path;
    this.#name = name;
    this.#variables = options.variables ?? new Map();
    this.#buildArguments = options.buildArguments ?? new Map();
  }

  *read(service: YamlValue): Generator<Found> {
    const image = service.get('image');
    const build = service.get('build');
    if (image !== undefined && !NEVER_PULLED.has(service.get('pull_policy')?.text)) {
      // Beside "build" it is the name of the result, which only some registries have.
      for (const found of this.#image(image)) yield build === undefined ? found : asText(found);
    }
    if (build !== undefined) yield* this.#build(build);
    for (const volume of service.get('volumes')?.items ?? []) {
      const source = volume.get('source');
      if (volume.get('type')?.text === 'image' && source !== undefined) yield* this.#image(source);
    }
  }

  *#image({ text, line }: WrittenText, start = ''): Generator<Found> {
    if (text === undefined) return;
    const name = text.slice(start.length);
    const expansion = expand(name, SYNTAX, (variable) => this.#value(variable));
    yield this.#file.expanded(name, expansion, explain, line, this.#name);
  }

  *#build(build: YamlValue): Generator<Found> {
    const contexts = pairsIn(build.get('additional_contexts'));
    for (const context of contexts.values()) {
      if (context.text?.startsWith(IMAGE_CONTEXT) === true) yield* this.#image(context, IMAGE_CONTEXT);
    }
    const dockerfile = build.get('dockerfile_inline');
    if (dockerfile?.text === undefined) return;
    const found = imagesInDockerfile(
      this.#filled(dockerfile.text),
      `${this.#path}:${dockerfile.line} dockerfile_inline`,
      {
        buildArguments: this.#argumentsOf(build),
        contexts: new Set(contexts.keys()),
      },
    );
    for (const one of found) {
      const use = { kind: FORMAT, name: this.#path, container: this.#name, how: 'spec' } as const;
      yield one.kind === 'mention' ? { ...one, use } : one;
    }
  }

  #argumentsOf(build: YamlValue): Map<string, string> {
    const own = [...pairsIn(build.get('args'))].flatMap(([name, { text }]): [string, string][] =>
      text === undefined ? [] : [[name, this.#filled(text)]],
    );
    return new Map([...own, ...this.#buildArguments]);
  }

  /** A variable without a value stays as it is written, so that only a name that needs it becomes a Problem. */
  #filled(text: string): string {
    const { text: filled, fault } = expand(
      text,
      SYNTAX,
      (variable) => this.#value(variable) ?? literal(`\${${variable}}`),
    );
    return fault === undefined ? filled : text;
  }

  #value(variable: string) {
    const value = this.#variables.get(variable);
    return value === undefined ? undefined : literal(value);
  }
}

function asText(found: Found): Found {
  return found.kind === 'mention' ? { ...found, use: { ...found.use, how: 'text' } } : found;
}

function explain(variable: string): string {
  return `the variable ${variable} has no value. Write a default, as in "\${${variable}:-value}".`;
}

/** The pairs of a map, or of a list of `name=value`. */
function pairsIn(value: YamlValue | undefined): Map<string, WrittenText> {
  const pairs = new Map<string, WrittenText>(value?.entries);
  for (const { text = '', line } of value?.items ?? []) {
    const equals = text.indexOf('=');
    if (equals !== -1) pairs.set(text.slice(0, equals), { text: text.slice(equals + 1), line });
  }
  return pairs;
}
