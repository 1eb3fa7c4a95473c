/**
 * `state/<name>/notified.json`: the problems that there were, and what each address was told about them. Without it, every
 * problem is told once more. Pure.
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../core/bucket-object.ts';
import { encodeJson, isObject } from '../../core/json.ts';
import { NOTIFY_EVENTS, type NotifyEvent } from '../configuration/configuration.ts';

const VERSION = 1;

/** The event as which an address knows a problem, and when it was told last. */
export interface Told {
  readonly event: NotifyEvent;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface Remembered {
  readonly name: string;
  /** The end of the first run that had the problem. ISO 8601, UTC. */
  readonly since: string;
  /** By address, as `addressId` names it. */
  readonly told: ReadonlyMap<string, Told>;
}

/** By the problem's key. */
export type Memory = ReadonlyMap<string, Remembered>;

export function encodeMemory(memory: Memory): Uint8Array<ArrayBuffer> {
  const problems = [...memory].map(([key, { name, since, told }]) => ({
    key,
    name,
    since,
    told: Object.fromEntries(told),
  }));
  return encodeJson({ version: VERSION, problems });
}

/** @throws {BucketObjectInvalidError} */
export function decodeMemory(key: string, bytes: Uint8Array): Memory {
  const { version, problems } = parseObjectAt(key, bytes);
  if (version !== VERSION || !Array.isArray(problems)) {
    throw new BucketObjectInvalidError(key, 'it is not a list of problems of this release.');
  }
  return new Map(problems.flatMap((value: unknown) => decodeProblem(value) ?? []));
}

/** A problem that is not understood is left out: then it is told once more. */
function decodeProblem(value: unknown): [[string, Remembered]] | undefined {
  if (!isObject(value)) return undefined;
  const { key, name, since, told } = value;
  if (typeof key !== 'string' || typeof name !== 'string' || !isTime(since) || !isObject(told)) {
    return undefined;
  }
  return [[key, { name, since, told: new Map(Object.entries(told).flatMap(decodeTold)) }]];
}

function decodeTold([address, value]: [string, unknown]): [string, Told][] {
  if (!isObject(value)) return [];
  const event = NOTIFY_EVENTS.find((one) => one === value['event']);
  const { at } = value;
  return event === undefined || !isTime(at) ? [] : [[address, { event, at }]];
}
