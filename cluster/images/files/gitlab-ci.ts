/**
 * The images that jobs of GitLab CI run in, and their services.
 * https://docs.gitlab.com/ci/yaml/
 */
import type { Found } from '../mention.ts';
import { GitLabPipeline, type GitLabJob } from './gitlab-job.ts';
import { explainGitLabVariable, GitLabVariables } from './gitlab-variable.ts';
import { ImageFile } from './image-file.ts';
import type { Expansion } from './variable.ts';
import { readYaml, type YamlValue } from './yaml-value.ts';

const KEYWORDS = ['image', 'services'] as const;
type Keyword = (typeof KEYWORDS)[number];

/** The keys that say which file is included. */
const NAMING_KEYS: ReadonlySet<string> = new Set([
  'local',
  'project',
  'file',
  'remote',
  'template',
  'component',
  'artifact',
]);

/** Yields the images of `default` first, as far as a job takes them, and then those of each job. */
export function* imagesInGitLabCi(text: string, path: string): Generator<Found> {
  const file = new ImageFile('gitlab-ci', path);
  const { documents, problems } = readYaml(text, file);
  yield* problems;
  for (const document of documents) {
    const include = document.get('include');
    if (include !== undefined) yield notIncluded(file, include);
    yield* new PipelineReader(file, new GitLabPipeline(document)).read();
  }
}

class PipelineReader {
  readonly #file: ImageFile;
  readonly #pipeline: GitLabPipeline;

  constructor(file: ImageFile, pipeline: GitLabPipeline) {
    this.#file = file;
    this.#pipeline = pipeline;
  }

  *read(): Generator<Found> {
    const { shared, jobs } = this.#pipeline;
    const running = jobs.filter(({ isHidden }) => !isHidden);
    const used = new Set(
      running.flatMap((job) => KEYWORDS.flatMap((keyword) => this.#placesOf(job, keyword))),
    );
    for (const keyword of KEYWORDS) {
      for (const image of this.#imagesOf(shared, keyword))
        yield* this.#shared(image, keyword, shared, running);
    }
    for (const job of jobs) {
      for (const keyword of KEYWORDS) {
        // The image of a template belongs to the jobs that take it, because their variables are part of it.
        const isTaken = job.isHidden && this.#placesOf(job, keyword).every((place) => used.has(place));
        if (isTaken) continue;
        for (const image of this.#imagesOf(job, keyword)) yield* this.#named(image, job, new Set());
      }
    }
  }

  /** The places of the images in the file, by which they are known again in a job that takes them over. */
  #placesOf(job: GitLabJob, keyword: Keyword): string[] {
    return this.#imagesOf(job, keyword).map((image) => `${image.line} ${nameIn(image)}`);
  }

  /** The variables of a job can change the name of a shared image. Names that do not change belong to `default`. */
  *#shared(
    image: YamlValue,
    keyword: Keyword,
    shared: GitLabJob,
    jobs: readonly GitLabJob[],
  ): Generator<Found> {
    const heirs = jobs.filter((job) => job[keyword] === undefined && job.inherits(keyword));
    const [common = ''] = this.#namesOf(image, shared).keys();
    const isCommon = heirs.some((job) => this.#namesOf(image, job).has(common));
    if (isCommon || heirs.length === 0) yield* this.#named(image, shared, new Set());
    for (const job of heirs) yield* this.#named(image, job, new Set([common]));
  }

  #imagesOf(job: GitLabJob, keyword: Keyword): YamlValue[] {
    const images = keyword === 'services' ? this.#pipeline.itemsOf(job.services) : [job.image];
    return images.filter((image) => image !== undefined).filter((image) => nameIn(image) !== undefined);
  }

  *#named(image: YamlValue, job: GitLabJob, known: ReadonlySet<string>): Generator<Found> {
    const { line } = image;
    for (const [key, expansion] of this.#namesOf(image, job)) {
      if (known.has(key)) continue;
      yield this.#file.expanded(nameIn(image) ?? '', expansion, explainGitLabVariable, line, job.name);
    }
  }

  /** The names that an image has in the jobs of a matrix, by their text with its unknown variables. */
  #namesOf(image: YamlValue, job: GitLabJob): Map<string, Expansion> {
    const name = nameIn(image) ?? '';
    const expansions = job.variables.map((variables) => new GitLabVariables(variables).expand(name));
    return new Map(expansions.map((expansion) => [JSON.stringify(expansion), expansion]));
  }
}

/** An image is a text, or a map with `name`. */
function nameIn(image: YamlValue): string | undefined {
  return image.isMap ? image.get('name')?.text : image.text;
}

function notIncluded(file: ImageFile, include: YamlValue): Found {
  const items = include.isList ? include.items : [include];
  const names = items.map((item) => nameOfInclude(item));
  return file.problem(
    include.line,
    `These included files were not read: ${names.join(', ').slice(0, 1000)}. Name those that are on this machine on the command line too.`,
  );
}

function nameOfInclude(item: YamlValue): string {
  if (item.text !== undefined) return item.text;
  const pairs = [...item.entries].filter(([key]) => NAMING_KEYS.has(key));
  return pairs
    .map(
      ([key, value]) =>
        `${key} ${value.isList ? value.items.map(({ text }) => text).join(' and ') : (value.text ?? '')}`,
    )
    .join(' ');
}
