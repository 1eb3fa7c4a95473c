/**
 * Each row of docs/faults.md: real clients with the files of `lifeboat clients` pull through the edge in workerd, two S3 servers
 * and a registry, while one of these is at fault. What the servers sent, and what the client keeps, decides.
 */
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { FaultDocument } from '../support/faults/document.ts';
import { measure, type MeasuredAttempt, type Turns } from '../support/faults/measure.ts';
import { isAsWritten, textOf } from '../support/faults/outcome.ts';
import { PULLER_NAMES } from '../support/faults/puller.ts';
import { ROWS, type Row } from '../support/faults/rows.ts';
import { startStage, type Stage } from '../support/faults/stage.ts';

const isAccepting = inject('isAccepting');
const wanted = new RegExp(inject('namePattern'));
/** Two cores are busy with these. */
const turns: Turns = { first: pLimit(4), later: pLimit(2) };

let stage: Stage;
let document: FaultDocument;

beforeAll(async () => {
  document = await FaultDocument.read();
  // A run of a few rows begins sooner.
  stage = await startStage(
    ROWS.filter((row) => PULLER_NAMES.some((puller) => wanted.test(`${titleOf(row)} ${puller}`))),
  );
});
afterAll(async () => {
  await stage?.stop();
  if (isAccepting) await document?.write();
});

test('the page has no row that is not measured', () => {
  expect(isAccepting ? [] : document.strayRows()).toEqual([]);
});

/** The pulls that wait longest begin first. */
const inOrder = ROWS.toSorted((one, other) => Number(other.isSlow) - Number(one.isSlow));

describe.concurrent.each(inOrder.map((row) => [titleOf(row), row] as const))('%s', (_, row) => {
  test.each(PULLER_NAMES)('%s', async (puller) => {
    const attempts = await measure(stage, row, puller, turns);
    // A time that would pass stays as it was accepted, because this machine may be busier than that one.
    if (isAccepting && !isAsWritten(document.cell(row, puller) ?? '', attempts)) {
      document.set(row, puller, textOf(attempts));
    }
    const written = document.cell(row, puller) ?? 'nothing';
    expect(isAsWritten(written, attempts) ? written : described(attempts)).toBe(written);
  });
});

function titleOf({ table, fault }: Row): string {
  return `${table.title}: ${fault.title}`;
}

/** @returns the cell that would be right, with the clients' words for whoever reads the failure */
function described(attempts: readonly MeasuredAttempt[]): string {
  const details = attempts.map(({ end, seconds, error }) =>
    `${end} after ${seconds.toFixed(1)} s ${error}`.trim(),
  );
  return [textOf(attempts), ...details].join('\n');
}
