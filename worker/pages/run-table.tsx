/** The last runs with their numbers. */
import type { RunSummary } from '../../core/run-history.ts';
import { Age, Badge } from './elements.tsx';
import { formatBytes, formatCount, formatDuration, shown } from './formats.ts';
import { judgedRun } from './freshness.ts';
import { durationOf } from './run-plot.tsx';

/** These are seen at once, and the others on demand. */
const SHOWN = 5;
/** All of them would make the page large, and the plots show their course. */
const LISTED = 12;

const NUMBERS = ['Took', 'New', 'Moved', 'Held', 'Failed', 'Skipped', 'Read'];

interface Props {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  readonly now: number;
}

export function RunTable({ runs, now }: Props) {
  const older = runs.slice(SHOWN, LISTED);
  return (
    <>
      <Table caption="The last runs" runs={runs.slice(0, SHOWN)} now={now} />
      {older.length === 0 ? null : (
        <details>
          <summary>{older.length} earlier runs</summary>
          <Table caption="Earlier runs" runs={older} now={now} />
        </details>
      )}
    </>
  );
}

function Table({ caption, runs, now }: Props & { readonly caption: string }) {
  return (
    <div class="scroll" role="group" aria-label={caption} tabindex={0}>
      <table class="cards">
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Result</th>
            <th scope="col">Ended</th>
            {NUMBERS.map((title) => (
              <th scope="col" class="number">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => {
            const { counts } = run;
            const { mood, word } = judgedRun(run);
            const cells = [
              formatDuration(durationOf(run)),
              ...[counts.created, counts.moved, counts.held, counts.failed, counts.skipped].map((count) =>
                count === 0 ? <span class="muted">0</span> : formatCount(count),
              ),
              formatBytes(run.bytes),
            ];
            return (
              <tr>
                <th scope="row" class="mono">
                  {shown(run.run)}
                </th>
                <td>
                  <Badge mood={mood}>{word === 'fresh' ? 'done' : word}</Badge>
                </td>
                <td>
                  <Age time={run.ended} now={now} />
                </td>
                {cells.map((cell, index) => (
                  <td class="number" data-title={NUMBERS[index]}>
                    {cell}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
