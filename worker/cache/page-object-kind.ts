/** The kinds of objects that pages, metrics and feeds are made from. The job derives them (docs/decisions/0160). */
import { algorithmOf, digestOf } from '../../core/digest.ts';
import { isObject, parseJson, type JsonObject } from '../../core/json.ts';
import { MUTABILITY } from '../../core/key-kind.ts';
import { decodeLastDrill, type DrillSummary } from '../../core/last-drill.ts';
import { decodeLastRun, type LastRun } from '../../core/last-run.ts';
import { blobOfKey } from '../../core/layout.ts';
import { decodeOverview, type Overview } from '../../core/overview.ts';
import { decodeDescription, type RepositoryDescription } from '../../core/repository-description.ts';
import { decodeRuns, type RunSummary } from '../../core/run-history.ts';
import { CorruptObjectError } from '../store/corrupt-object-error.ts';
import type { ObjectKind } from './object-kind.ts';

/** A decoded object, with the bytes of its JSON, from which its memory is estimated. */
export interface Sized<T> {
  readonly content: T;
  readonly jsonBytes: number;
}

/** Decoded, an object takes about so many times the bytes of its JSON: each text and each object has a header of its own. */
const MEMORY_PER_JSON_BYTE = 3;

function pageObject<T>(decode: (key: string, bytes: Uint8Array) => T): ObjectKind<Sized<T>> {
  return {
    mutability: MUTABILITY.state,
    decode: (key, { bytes }) => ({ content: decode(key, bytes), jsonBytes: bytes.length }),
    memoryBytes: ({ jsonBytes }) => MEMORY_PER_JSON_BYTE * jsonBytes,
  };
}

export const RUNS: ObjectKind<Sized<readonly RunSummary[]>> = pageObject(decodeRuns);
export const LAST_DRILL: ObjectKind<Sized<DrillSummary>> = pageObject(decodeLastDrill);
export const OVERVIEW: ObjectKind<Sized<Overview>> = pageObject(decodeOverview);
export const DESCRIPTION: ObjectKind<Sized<RepositoryDescription>> = pageObject(decodeDescription);

/** Only a bounded part of the report is kept. */
export const LAST_RUN: ObjectKind<Sized<LastRun>> = {
  ...pageObject(decodeLastRun),
  memoryBytes: ({ jsonBytes }) => MEMORY_PER_JSON_BYTE * Math.min(jsonBytes, 128 * 1024),
};

/** A config has some kilobytes, and a thousand values. */
const MAX_CONFIG_VALUES = 50_000;

/** The config of an image: a blob that is small. That of an artifact need not be JSON, and has no field to show. */
export const CONFIG: ObjectKind<Sized<JsonObject>> = {
  mutability: MUTABILITY.blob,
  async decode(key, { bytes }) {
    const digest = blobOfKey(key);
    if (digest === undefined || (await digestOf(bytes, algorithmOf(digest))) !== digest) {
      throw new CorruptObjectError(key, 'its bytes do not hash to its digest.');
    }
    return { content: jsonObject(bytes), jsonBytes: bytes.length };
  },
  memoryBytes: ({ jsonBytes }) => MEMORY_PER_JSON_BYTE * jsonBytes,
};

function jsonObject(bytes: Uint8Array): JsonObject {
  try {
    const json = parseJson(bytes, MAX_CONFIG_VALUES);
    return isObject(json) ? json : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
