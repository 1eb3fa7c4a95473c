/**
 * The images that a Dockerfile builds upon, copies from, and is read by.
 * https://docs.docker.com/reference/dockerfile/
 */
import type { Found } from '../mention.ts';
import { BuildArguments } from './build-argument.ts';
import { ImageFile } from './image-file.ts';
import { readInstructions, type Instruction, type Instructions } from './instruction.ts';
import { UNKNOWN, type Expansion } from './variable.ts';
import { unquoted } from './words.ts';

export interface DockerfileOptions {
  /** Values of ARGs, as `docker build --build-arg` gives them. */
  readonly buildArguments?: ReadonlyMap<string, string>;
  /** Names that stand for a folder or another image, as `docker build --build-context` gives them. */
  readonly contexts?: ReadonlySet<string>;
}

/** The name of an empty image, which no registry has. */
const NO_IMAGE = 'scratch';

/** Yields images in the order of the file. A text that is no Dockerfile gives a Problem. */
export function imagesInDockerfile(
  text: string,
  path: string,
  options: DockerfileOptions = {},
): Generator<Found> {
  return new DockerfileReader(readInstructions(text), path, options).read();
}

class DockerfileReader {
  readonly #source: Instructions;
  readonly #file: ImageFile;
  readonly #arguments: BuildArguments;
  readonly #contexts: ReadonlySet<string>;
  /** Every name of a stage, because `COPY --from` may not name an image that is called like a later stage. */
  readonly #stageNames: ReadonlySet<string>;
  /** The names of the stages so far. FROM can use only these. */
  readonly #earlierStages = new Set<string>();
  #stage: string | undefined;

  constructor(source: Instructions, path: string, options: DockerfileOptions) {
    this.#source = source;
    this.#file = new ImageFile('Dockerfile', path);
    this.#arguments = new BuildArguments(options.buildArguments ?? new Map(), source.escape);
    this.#contexts = options.contexts ?? new Set();
    this.#stageNames = new Set(source.list.filter(isFrom).flatMap((from) => stageOf(from) ?? []));
  }

  *read(): Generator<Found> {
    const { syntax, list, unclosed } = this.#source;
    if (syntax !== undefined) yield this.#file.image(syntax.image, syntax.line);
    let hasFrom = false;
    for (const instruction of list) {
      if (isFrom(instruction)) {
        hasFrom = true;
        yield* this.#from(instruction);
      } else if (instruction.name === 'ARG' && !hasFrom) {
        this.#arguments.declare(instruction.text, instruction.line);
      } else if (instruction.name === 'COPY') {
        for (const name of valuesOf(instruction, '--from=')) yield* this.#copied(name, instruction.line);
      } else if (instruction.name === 'RUN') {
        for (const mount of valuesOf(instruction, '--mount=')) {
          yield* this.#copied(sourceOfMount(mount), instruction.line);
        }
      }
    }
    if (unclosed !== undefined) {
      yield this.#file.problem(
        unclosed.line,
        `The heredoc "${unclosed.name.slice(0, 100)}" has no end, so the lines after it were not read. Add a line "${unclosed.name.slice(0, 100)}".`,
      );
    } else if (!hasFrom) {
      yield this.#file.problem(1, 'There is no FROM, so this is no whole Dockerfile, and no image was read.');
    }
  }

  *#from(instruction: Instruction): Generator<Found> {
    const [base = ''] = instruction.text.split(/\s/, 1);
    const stage = stageOf(instruction);
    this.#stage = stage;
    const name = this.#arguments.expand(base);
    if (!this.#isEarlierStage(name) && name.text !== NO_IMAGE && !this.#contexts.has(name.text)) {
      const written = unquoted(base, this.#source.escape);
      yield this.#file.expanded(written, name, this.#arguments.explain, instruction.line, stage);
    }
    if (stage !== undefined) this.#earlierStages.add(stage);
  }

  /** Whether a name is that of a stage, or of one of several stages as in `FROM build-${TARGETARCH}`. */
  #isEarlierStage({ text, missing }: Expansion): boolean {
    const lowerCase = text.toLowerCase();
    if (missing.length === 0) return this.#earlierStages.has(lowerCase);
    const start = lowerCase.slice(0, lowerCase.indexOf(UNKNOWN));
    const end = lowerCase.slice(lowerCase.lastIndexOf(UNKNOWN) + 1);
    if (start + end === '') return this.#earlierStages.size > 0 && this.#arguments.areAutomatic(missing);
    return [...this.#earlierStages].some((stage) => stage.startsWith(start) && stage.endsWith(end));
  }

  /** The source of a COPY or of a mount: a stage by its name or number, a context, or an image. */
  *#copied(name: string, line: number): Generator<Found> {
    const isStage = this.#stageNames.has(name.toLowerCase()) || /^\d*$/.test(name);
    if (isStage || name === NO_IMAGE || this.#contexts.has(name)) return;
    if (name.includes('$')) {
      yield this.#file.leftOut(
        name,
        line,
        'BuildKit puts no variables into it. Write "FROM … AS name" with the variable, and take the name here.',
      );
      return;
    }
    yield this.#file.image(name, line, this.#stage);
  }
}

function isFrom({ name, isTrigger }: Instruction): boolean {
  return name === 'FROM' && !isTrigger;
}

/** `FROM image AS stage`, in lower case, because names of stages are compared so. */
function stageOf({ text }: Instruction): string | undefined {
  const [, , stage] = /^\S+\s+(as)\s+(\S+)/i.exec(text) ?? [];
  return stage?.toLowerCase();
}

function valuesOf({ flags }: Instruction, start: string): string[] {
  return flags.filter((flag) => flag.startsWith(start)).map((flag) => flag.slice(start.length));
}

/** Of `type=bind,from=image,target=/x`: the image, or an empty text. */
function sourceOfMount(mount: string): string {
  const field = mount.split(',').find((pair) => /^\s*from=/i.test(pair)) ?? '';
  return field.slice(field.indexOf('=') + 1).trim();
}
