/**
 * The jobs of GitLab CI, with what they inherit.
 * https://docs.gitlab.com/ci/yaml/#extends
 */
import { combinationsOf } from './matrix.ts';
import type { YamlValue } from './yaml-value.ts';

/** Top-level keys that are no jobs. */
const KEYWORDS: ReadonlySet<string> = new Set([
  'after_script',
  'before_script',
  'cache',
  'default',
  'image',
  'include',
  'services',
  'spec',
  'stages',
  'types',
  'variables',
  'workflow',
]);
/** GitLab's own limit for `parallel:matrix`. */
const MAX_JOBS = 200;
/** GitLab's own limit for a `!reference` that leads to another one. */
const MAX_REFERENCES = 10;

/** A job, or what all jobs share. */
export interface GitLabJob {
  readonly name: string;
  /** A template, which runs only in the jobs that take it over. */
  readonly isHidden: boolean;
  readonly image: YamlValue | undefined;
  readonly services: YamlValue | undefined;
  /** Whether it takes `default`'s image and services if it has none. */
  readonly inherits: (keyword: 'image' | 'services') => boolean;
  /** For each job that `parallel:matrix` makes: its variables. One without a matrix. */
  readonly variables: readonly ReadonlyMap<string, YamlValue>[];
}

export class GitLabPipeline {
  readonly #root: YamlValue;
  readonly #variables: ReadonlyMap<string, YamlValue>;

  constructor(root: YamlValue) {
    this.#root = root;
    this.#variables = this.#entriesOf(root.get('variables'));
  }

  /** `default`, and the older keywords at the top of the file. */
  get shared(): GitLabJob {
    const holder = (key: string): YamlValue | undefined =>
      this.#root.at('default', key) ?? this.#root.get(key);
    return {
      name: 'default',
      isHidden: false,
      image: this.#followed(holder('image')),
      services: holder('services'),
      inherits: () => false,
      variables: [this.#variables],
    };
  }

  /** The jobs that run, and the hidden ones that no job of this file extends, because other files may. */
  get jobs(): GitLabJob[] {
    const all = [...this.#root.entries].filter(([name, job]) => !KEYWORDS.has(name) && job.isMap);
    const extended = new Set(all.flatMap(([, job]) => basesOf(job)));
    return all
      .filter(([name]) => !(name.startsWith('.') && extended.has(name)))
      .map(([name, job]) => this.#job(name, job));
  }

  /** The items of a list, those of lists within it and behind `!reference` too. */
  itemsOf(list: YamlValue | undefined): YamlValue[] {
    return this.#followed(list)?.flattened((item) => this.#followed(item) ?? item) ?? [];
  }

  #job(name: string, job: YamlValue): GitLabJob {
    const layers = this.#layersOf(job);
    const find = (key: string): YamlValue | undefined =>
      layers.map((layer) => layer.get(key)).find((value) => value !== undefined);
    const inherit = find('inherit');
    const inherits = (what: string, key: string): boolean => {
      const rule = inherit?.get(what);
      return rule?.isList === true ? rule.items.some(({ text }) => text === key) : rule?.text !== 'false';
    };
    const own = new Map<string, YamlValue>();
    for (const layer of layers.toReversed()) {
      for (const [key, value] of this.#entriesOf(layer.get('variables'))) own.set(key, value);
    }
    const globals = [...this.#variables].filter(([key]) => inherits('variables', key));
    const matrix = matrixOf(find('parallel'));
    return {
      name,
      isHidden: name.startsWith('.'),
      image: this.#followed(find('image')),
      services: find('services'),
      inherits: (keyword) => inherits('default', keyword),
      variables: matrix.map((values) => new Map([...globals, ...own, ...values])),
    };
  }

  /** The job and all that it extends, the nearest first. Of several bases, the last is the nearest. */
  #layersOf(job: YamlValue): YamlValue[] {
    const layers: YamlValue[] = [];
    const seen = new Set<string>();
    const waiting = [job];
    for (let layer = waiting.pop(); layer !== undefined; layer = waiting.pop()) {
      layers.push(layer);
      for (const name of basesOf(layer)) {
        const base = this.#root.get(name);
        if (base === undefined || seen.has(name)) continue;
        seen.add(name);
        waiting.push(base);
      }
    }
    return layers;
  }

  #entriesOf(map: YamlValue | undefined): ReadonlyMap<string, YamlValue> {
    const entries = this.#followed(map)?.entries ?? new Map<string, YamlValue>();
    return new Map([...entries].map(([key, value]) => [key, this.#followed(value) ?? value]));
  }

  /** `!reference [job, key]` means the value of that key. */
  #followed(value: YamlValue | undefined): YamlValue | undefined {
    let followed = value;
    for (let count = 0; followed?.tag === '!reference' && count < MAX_REFERENCES; count += 1) {
      followed = this.#root.at(...followed.items.map(({ text = '' }) => text));
    }
    return followed;
  }
}

function basesOf(job: YamlValue): string[] {
  const bases = job.get('extends');
  return (bases?.isList === true ? bases.items : [bases]).flatMap((base) => base?.text ?? []);
}

/** Each item of a matrix gives its variables one value of each list. */
function matrixOf(parallel: YamlValue | undefined): ReadonlyMap<string, YamlValue>[] {
  const items = parallel?.get('matrix')?.items ?? [];
  const jobs = items.flatMap(({ entries }) => {
    const axes = [...entries].map(([key, value]) => [key, value.isList ? value.items : [value]] as const);
    return combinationsOf(new Map(axes), MAX_JOBS) ?? [];
  });
  return jobs.length === 0 ? [new Map()] : jobs.slice(0, MAX_JOBS);
}
