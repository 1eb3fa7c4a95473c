/**
 * The images that a workflow's jobs run in, their services, and the actions that are images.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
 */
import type { Found } from '../mention.ts';
import { hasExpression, withMatrixValues } from './github-expression.ts';
import { jobsOfMatrix, type MatrixJob } from './github-matrix.ts';
import { ImageFile } from './image-file.ts';
import { readYaml, type YamlValue } from './yaml-value.ts';

/** Begins the name of an action that is an image. */
const IMAGE_ACTION = 'docker://';

/** Reads a workflow or an `action.yml`. Actions and workflows of other repositories are not followed. */
export function* imagesInGitHubActions(text: string, path: string): Generator<Found> {
  const file = new ImageFile('github-actions', path);
  const { documents, problems } = readYaml(text, file);
  yield* problems;
  for (const document of documents) {
    for (const [name, job] of document.get('jobs')?.entries ?? []) yield* new JobReader(file, name).read(job);
    const action = document.get('runs');
    const image = action?.get('image');
    // Any other image of an action is a Dockerfile beside it.
    if (image !== undefined) yield* actionImage(file, image);
    yield* stepImages(file, action);
  }
}

function* stepImages(file: ImageFile, job: YamlValue | undefined, name?: string): Generator<Found> {
  for (const step of job?.get('steps')?.items ?? []) {
    const action = step.get('uses');
    if (action !== undefined) yield* actionImage(file, action, name);
  }
}

function* actionImage(file: ImageFile, { text, line }: YamlValue, job?: string): Generator<Found> {
  if (text?.startsWith(IMAGE_ACTION) !== true) return;
  const name = text.slice(IMAGE_ACTION.length);
  yield hasExpression(name)
    ? file.leftOut(
        name,
        line,
        'GitHub puts no expressions into the name of an action. Write the name without them.',
      )
    : file.image(name, line, job);
}

class JobReader {
  readonly #file: ImageFile;
  readonly #name: string;

  constructor(file: ImageFile, name: string) {
    this.#file = file;
    this.#name = name;
  }

  *read(job: YamlValue): Generator<Found> {
    const matrix = job.at('strategy', 'matrix');
    const container = job.get('container');
    if (container !== undefined) yield* this.#image(container, matrix);
    for (const service of job.get('services')?.entries.values() ?? []) yield* this.#image(service, matrix);
    yield* stepImages(this.#file, job, this.#name);
  }

  /** @param holder a text, or a map with `image` */
  *#image(holder: YamlValue, matrix: YamlValue | undefined): Generator<Found> {
    const { text, line } = holder.isMap ? (holder.get('image') ?? holder) : holder;
    if (text === undefined) return;
    const names = new Set<string>();
    let problem: Found | undefined;
    for (const values of jobsFor(text, matrix)) {
      const expansion = withMatrixValues(text, values);
      if (expansion.missing.length === 0 && expansion.fault === undefined) names.add(expansion.text);
      else problem ??= this.#file.expanded(text, expansion, explain, line, this.#name);
    }
    // GitHub uses no container if the text is empty.
    for (const name of names) if (name !== '') yield this.#file.image(name, line, this.#name);
    if (problem !== undefined) yield problem;
  }
}

/** The jobs whose values the text may need; one whose values cannot be told for a text that needs none. */
function jobsFor(text: string, matrix: YamlValue | undefined): readonly (MatrixJob | undefined)[] {
  const jobs = hasExpression(text) && matrix !== undefined ? jobsOfMatrix(matrix) : undefined;
  return jobs ?? [undefined];
}

function explain(expression: string): string {
  return `only a run knows the value of "${expression.slice(0, 300)}". List the images that it stands for in a file of their own.`;
}
