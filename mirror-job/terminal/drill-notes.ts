/** Says how a drill was made, and how far it can be believed: sentences that its text and its page share. */
import { sumOf, type Drill, type DrilledList, type DrillResult } from '../../cluster/drill/drill.ts';
import { isPulled } from '../../cluster/drill/judge.ts';
import type { LastRun, UpstreamLogin } from '../../cluster/drill/observation.ts';
import { unnamedUses } from '../../cluster/drill/workloads.ts';
import { formatUpstream, upstreamOf } from '../../core/reference.ts';
import { countOf } from '../engine/support/count-of.ts';
import { namesOf } from '../in-use/first-names.ts';

import { ageText } from './age.ts';
import { listOf } from './drill-words.ts';

/** Sentences that stand above all else, because the report is only a part of what was asked for. Mostly empty. */
export function alarmsOn({ edgeFailure, results }: Drill): readonly string[] {
  if (edgeFailure === undefined) return [];
  const { images } = sumOf(results);
  const pulled = results.filter(({ verdict }) => isPulled(verdict.byBucket ?? verdict.outcome)).length;
  return [
    `The edge could not be asked: ${edgeFailure}`,
    `By the bucket alone, ${pulled} of ${countOf(images, 'image')} would be pulled. The rest of this report is about the bucket.`,
  ];
}

export function notesOn(drill: Drill): readonly string[] {
  const { lists, lastRun, textOnly, edge, edgeFailure, isByDigestOnly, damagedLists, results } = drill;
  return [
    ...lists.map((list) => listNote(list, drill.at)),
    'ended' in lastRun
      ? `The job last ended a run ${ageText(lastRun.ended, drill.at)}. ${runNote(lastRun)}`
      : `When the job last ended a run is not known: ${lastRun.notKnown}.`,
    ...(edge === undefined ? ['The edge was not asked (--live asks it).'] : []),
    ...(edge !== undefined && edgeFailure === undefined
      ? [`${edge} was asked too: an image counts only if the bucket has it and the edge gives it.`]
      : []),
    accessNote(drill),
    ...loginNotes(results),
    ...(isByDigestOnly ? ['Only digests count: a name that has a tag alone is lost (--digests-only).'] : []),
    ...(textOnly > 0
      ? [`${countOf(textOnly, 'name')} that only a text has ${textOnly === 1 ? 'is' : 'are'} left out.`]
      : []),
    ...unnamedNotes(results),
    ...damagedLists,
  ];
}

/** A list that was made of files names no cluster. */
function listNote({ cluster, observed, unread }: DrilledList, now: string): string {
  const age = ageText(observed, now);
  const seen = cluster === '' ? `The list was made ${age}` : `${cluster} was looked at ${age}`;
  if (unread === undefined) return `${seen}.`;
  return `${seen}, and not all of it could be read, so it may need more images: ${namesOf(unread, 3)}.`;
}

function runNote({ isSuccess, failed = 0, findings = 0, isInterrupted }: LastRun): string {
  if (isSuccess === undefined) return 'Whether it succeeded is not known.';
  if (isSuccess) return 'It succeeded.';
  const reasons = [
    ...(failed > 0 ? [`${countOf(failed, 'image')} could not be mirrored`] : []),
    ...(findings > 0 ? [`there ${findings === 1 ? 'is' : 'are'} ${countOf(findings, 'finding')}`] : []),
    ...(isInterrupted === true ? ['it had to stop before its end'] : []),
  ];
  // Otherwise a store is behind, which is no trouble of an image.
  return `It did not succeed: ${reasons.length === 0 ? 'a store is behind' : listOf(reasons)}.`;
}

function accessNote({ access: { audience, hasToken } }: Drill): string {
  const asked =
    hasToken === undefined
      ? ''
      : ` The drill asked ${hasToken ? 'with a token of its own' : 'without a token'}.`;
  if (audience === 'public') return 'The bucket is for everybody, so nodes need no token of the edge.';
  if (audience === 'token') {
    return `The bucket is for holders of a token. Whether the nodes send one is not known: lists do not say it, and a pod's pull secret is for its upstream and not for the edge.${asked}`;
  }
  return `Whether nodes need a token of the edge is not known: ${audience.failed}.${asked}`;
}

const LOGINS = {
  'short-lived': 'usually wants a login that ends within hours',
  configured: 'has a login in lifeboat.yaml',
} as const satisfies Record<UpstreamLogin, string>;

function loginNotes(results: readonly DrillResult[]): readonly string[] {
  const own = results.filter(({ login }) => login !== undefined);
  const byUpstream = Map.groupBy(own, ({ image }) => formatUpstream(upstreamOf(image.reference.repository)));
  const clauses = [...byUpstream].flatMap(([upstream, its]) => {
    const login = its[0]?.login;
    return login === undefined ? [] : [`${upstream} ${LOGINS[login]} (${countOf(its.length, 'image')})`];
  });
  if (clauses.length === 0) return [];
  return [
    `${listOf(clauses)}. A pull from the edge needs no login of an upstream; what logs in there before it pulls, and what asks it for tags, would fail.`,
  ];
}

function unnamedNotes(results: readonly DrillResult[]): readonly string[] {
  const { uses, images, notPulled } = unnamedUses(results);
  if (uses === 0) return [];
  const some =
    notPulled === 0 ? 'none of these is lost' : `${notPulled} of these would not be pulled for sure`;
  return [
    `Lists name at most 20 uses of an image: ${countOf(uses, 'use')} of ${countOf(images, 'image')} ${uses === 1 ? 'is' : 'are'} counted and not named (${some}), so the sums by namespace and the workloads are not complete.`,
  ];
}
