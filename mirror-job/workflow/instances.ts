/**
 * Workflow instances by computed ids. Whoever begins one may be killed and begin it again, so an id that is known already is
 * a success. An id is at most 100 characters of letters, digits, `-` and `_`.
 */

const MAX_ID_CHARACTERS = 100;

/** The statuses after which an instance does nothing more. */
const ENDED: ReadonlySet<InstanceStatus['status']> = new Set(['complete', 'errored', 'terminated']);

/** @returns an id for these parts. Characters that an id may not have become `-` */
export function instanceId(...parts: readonly string[]): string {
  return parts
    .map((part) => part.replaceAll(/[^A-Za-z0-9_]/g, '-'))
    .join('-')
    .slice(0, MAX_ID_CHARACTERS);
}

/**
 * Begins an instance, unless there is one of this id. One that has failed is begun again.
 * @throws what the runtime throws, such as for too many instances
 */
export async function beginInstance<Input>(
  workflow: Workflow<Input>,
  id: string,
  params: Input,
  { restartsEnded = false }: { readonly restartsEnded?: boolean } = {},
): Promise<void> {
  const known = await findInstance(workflow, id);
  if (known === undefined) {
    try {
      await workflow.create({ id, params });
    } catch (error) {
      // Another one may have begun it a moment ago.
      if ((await findInstance(workflow, id)) === undefined) throw error;
    }
    return;
  }
  if (restartsEnded && ENDED.has((await known.status()).status)) await known.restart();
}

async function findInstance<Input>(
  workflow: Workflow<Input>,
  id: string,
): Promise<WorkflowInstance | undefined> {
  try {
    return await workflow.get(id);
  } catch (error) {
    if (error instanceof Error && /instance\.not_found/.test(error.message)) return undefined;
    throw error;
  }
}

/** Whether an instance of this id exists and has not ended. */
export async function isRunning<Input>(workflow: Workflow<Input>, id: string): Promise<boolean> {
  const known = await findInstance(workflow, id);
  return known !== undefined && !ENDED.has((await known.status()).status);
}

/** How an instance ended. The output is JSON. */
export type Ending = { readonly output: string } | { readonly failure: string };

/** @returns undefined while it has not ended */
export async function endingOf<Input>(workflow: Workflow<Input>, id: string): Promise<Ending | undefined> {
  const known = await findInstance(workflow, id);
  if (known === undefined) return { failure: `There is no instance ${id} any more.` };
  const { status, output, error } = await known.status();
  if (!ENDED.has(status)) return undefined;
  return status === 'complete'
    ? { output: JSON.stringify(output ?? null) }
    : { failure: error?.message ?? `It was ${status}.` };
}
