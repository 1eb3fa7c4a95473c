/** Collects a recording: the steps in their order, and some named texts per step. */
import { readFile } from 'node:fs/promises';
import { isObject } from '../manifest-json.ts';
import type { Placeholders } from './placeholders.ts';

/** The texts by step, and then by part, such as `stdout`. */
export type Recording = Readonly<Record<string, Readonly<Record<string, string>>>>;

export class Recorder {
  readonly placeholders: Placeholders;
  readonly #steps = new Map<string, Map<string, string>>();

  readonly #onStep: (step: string) => void;

  /** @param onStep is called with the name of each step that begins */
  constructor(placeholders: Placeholders, onStep: (step: string) => void) {
    this.placeholders = placeholders;
    this.#onStep = onStep;
  }

  /** @throws if the step has that part already */
  add(step: string, part: string, text: string): void {
    if (!this.#steps.has(step)) this.#onStep(step);
    const parts = this.#steps.get(step) ?? new Map<string, string>();
    if (parts.has(part)) throw new Error(`The step "${step}" has two parts "${part}".`);
    this.#steps.set(step, parts.set(part, this.placeholders.apply(text)));
  }

  get recording(): Recording {
    return Object.fromEntries([...this.#steps].map(([step, parts]) => [step, Object.fromEntries(parts)]));
  }
}

/** @throws if the file is not a recording */
export async function readRecording(file: string): Promise<Recording> {
  const json: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!isRecording(json)) throw new Error(`${file} is not a recording.`);
  return json;
}

function isRecording(json: unknown): json is Recording {
  return isObject(json) && Object.values(json).every((parts) => isObject(parts));
}
