/**
 * Workflow instances by computed ids. A step that begins one may die and run again, so an id that is known already is a
 * success. An id is at most 100 characters of letters, digits, `-` and `_`.
 */

const MAX_ID_CHARACTERS = 100;

/** The statuses after which an instance does nothing more. */
const ENDED: ReadonlySet<string> = new Set(['complete', 'errored', 'terminated']);

/**
 * @param parts the first ones have to tell all instances apart, because the id is cut off, and characters that it may not have
 *   become `-`
 */
export function instanceId(...parts: readonly string[]): string {
  return parts
    .map((part) => part.replaceAll(/[^A-Za-z0-9_]/g, '-'))
    .join('-')
    .slice(0, MAX_ID_CHARACTERS);
}

/** The part of a Workflow's binding that is needed to begin instances. */
export interface InstanceStarter<Input> {
  readonly create: (options: { readonly id: string; readonly params: Input }) => Promise<unknown>;
  readonly get: (id: string) => Promise<{ readonly status: () => Promise<{ readonly status: string }> }>;
}

/**
 * Begins an instance, unless there is one of this id.
 * @returns whether this call has begun it
 * @throws what the runtime throws, such as for too many instances
 */
export async function beginInstance<Input>(
  workflow: InstanceStarter<Input>,
  id: string,
  params: Input,
): Promise<boolean> {
  if ((await findInstance(workflow, id)) !== undefined) return false;
  try {
    await workflow.create({ id, params });
    return true;
  } catch (error) {
    // Another step may have begun it a moment ago.
    if ((await findInstance(workflow, id)) === undefined) throw error;
    return false;
  }
}

async function findInstance<Instance>(
  workflow: { readonly get: (id: string) => Promise<Instance> },
  id: string,
): Promise<Instance | undefined> {
  try {
    return await workflow.get(id);
  } catch (error) {
    if (error instanceof Error && error.message.includes('instance.not_found')) return undefined;
    throw error;
  }
}

/** Whether an instance of this id exists and has not ended. */
export async function isRunning(workflow: Pick<InstanceStarter<never>, 'get'>, id: string): Promise<boolean> {
  const known = await findInstance(workflow, id);
  return known !== undefined && !ENDED.has((await known.status()).status);
}

/** The end of an instance. The output is JSON. */
export type Ending = { readonly output: string } | { readonly failure: string };

/** @returns undefined while it has not ended */
export async function endingOf<Input>(workflow: Workflow<Input>, id: string): Promise<Ending | undefined> {
  const known = await findInstance(workflow, id);
  if (known === undefined) return { failure: `There is no instance ${id} any more.` };
  const { status, output, error } = await known.status();
  if (!ENDED.has(status)) return undefined;
  return status === 'complete'
    ? { output: JSON.stringify(output ?? null) }
    : { failure: error?.message ?? `The instance ${id} was ${status}.` };
}

/** Ends an instance that runs for too long. It is no error if it has ended meanwhile. */
export async function terminateInstance<Input>(workflow: Workflow<Input>, id: string): Promise<void> {
  if (await isRunning(workflow, id)) await (await workflow.get(id)).terminate();
}
