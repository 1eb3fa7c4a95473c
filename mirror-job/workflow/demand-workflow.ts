/** Mirrors what clients have asked the edge for, and notes what became of it. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import pLimit from 'p-limit';
import { parseReference } from '../../core/reference.ts';
import { settleDemanded } from '../on-demand/demanded-images.ts';
import type { Settlement } from '../on-demand/demanded-list.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import { endWriting } from '../engine/store/fenced-store.ts';
import type { JobBindings } from './bindings.ts';
import { boundStore } from './bound-store.ts';
import type { DemandInput } from './inputs.ts';
import { RepositorySteps } from './repository-steps.ts';
import type { RunPart } from './run-part.ts';
import { messageOf, runStep } from './steps.ts';
import { REPOSITORIES_AT_ONCE } from './workers-environment.ts';

/** By reference: what became of it. */
type Ending = { readonly reference: string } & (
  | { readonly result: 'mirrored' | 'forgotten' }
  | { readonly result: 'failed'; readonly why: string }
);

export class DemandWorkflow extends WorkflowEntrypoint<JobBindings, DemandInput> {
  override async run(
    { payload, instanceId }: WorkflowEvent<DemandInput>,
    step: WorkflowStep,
  ): Promise<Settlement> {
    const { run, name, references } = payload;
    const groups = Map.groupBy(references, (reference) => parseReference(reference).repository);
    const scope = { run, repositories: [...groups.keys()], demanded: references };
    const steps = new RepositorySteps(this.env, scope, step);
    const repositoriesAtOnce = pLimit(REPOSITORIES_AT_ONCE);
    const endings = await Promise.all(
      [...groups].map(([repository, wanted]) =>
        repositoriesAtOnce(() => mirrorWanted(repository, wanted, steps, step)),
      ),
    );
    const settlement = settlementOf(endings.flat());
    await runStep(step, 'note what became of them', async () => {
      for (const [reference, why] of Object.entries(settlement.failures)) {
        consoleLog.warn(`${reference} was not mirrored on demand: ${why}`);
      }
      const store = boundStore(this.env);
      await settleDemanded(store, name, settlement, instanceId, new Date());
      await endWriting(store, run);
    });
    return settlement;
  }
}

/**
 * Tags come first. A client that has a tag from upstream asks for its digests next, so most of the digests that the bucket lacks
 * come with a tag, or with the index before them.
 */
async function mirrorWanted(
  repository: string,
  references: readonly string[],
  steps: RepositorySteps,
  step: WorkflowStep,
): Promise<Ending[]> {
  const digests = references.filter((reference) => parseReference(reference).digest !== undefined);
  const tags = references.filter((reference) => !digests.includes(reference));
  const endings: Ending[] = [];
  if (tags.length > 0) endings.push(...(await mirrorThese(repository, tags, steps)));
  for (const digest of digests) {
    try {
      const isThere = await runStep(step, `look for ${digest}`, async () => {
        const work = await steps.open();
        return work.has(digest);
      });
      if (isThere) endings.push({ reference: digest, result: 'forgotten' });
      else endings.push(...(await mirrorThese(repository, [digest], steps)));
    } catch (error) {
      endings.push({ reference: digest, result: 'failed', why: messageOf(error) });
    }
  }
  return endings;
}

/** Never throws, because one repository must not fail the others. */
async function mirrorThese(
  repository: string,
  references: readonly string[],
  steps: RepositorySteps,
): Promise<Ending[]> {
  try {
    const part = await steps.mirror(repository, references);
    return references.map((reference) => {
      const why = failureIn(part, reference);
      return why === undefined ? { reference, result: 'mirrored' } : { reference, result: 'failed', why };
    });
  } catch (error) {
    const why = messageOf(error);
    return references.map((reference) => ({ reference, result: 'failed', why }));
  }
}

/** @returns why a reference was not mirrored; undefined if it was */
function failureIn({ items }: RunPart, text: string): string | undefined {
  const { tag, digest } = parseReference(text);
  for (const { reference, outcome } of items) {
    // Without a reference it is the failure of the whole repository.
    if (reference !== undefined && reference !== (digest ?? tag)) continue;
    if (outcome.result === 'failed') return outcome.error;
    if (outcome.result === 'skipped') return outcome.reason;
  }
  return undefined;
}

function settlementOf(endings: readonly Ending[]): Settlement {
  const all = (result: Ending['result']): string[] =>
    endings.filter((ending) => ending.result === result).map(({ reference }) => reference);
  return {
    mirrored: all('mirrored'),
    forgotten: all('forgotten'),
    failures: Object.fromEntries(
      endings.flatMap((ending) => (ending.result === 'failed' ? [[ending.reference, ending.why]] : [])),
    ),
  };
}
