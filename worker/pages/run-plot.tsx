/** Three small plots of the last runs, the newest at the right. The table beside them has the numbers. */
import type { RunSummary } from '../../core/run-history.ts';
import { formatBytes, formatCount, formatDuration } from './formats.ts';

const [HEIGHT, STEP, GAP] = [44, 12, 3];
const BARS = 50;

export function durationOf({ begun, ended }: RunSummary): number {
  return Math.max(0, Date.parse(ended) - Date.parse(begun));
}

export function RunPlot({ runs }: { readonly runs: readonly RunSummary[] }) {
  const inOrder = runs.slice(0, BARS).toReversed();
  return (
    <div class="plots">
      <Plot title="Duration" runs={inOrder} valueOf={durationOf} format={formatDuration} />
      <Plot title="Read from upstreams" runs={inOrder} valueOf={({ bytes }) => bytes} format={formatBytes} />
      <Plot
        title="Failures"
        runs={inOrder}
        valueOf={({ counts }) => counts.failed}
        format={formatCount}
        isBad
      />
    </div>
  );
}

interface PlotProps {
  readonly title: string;
  /** Oldest first. */
  readonly runs: readonly RunSummary[];
  readonly valueOf: (run: RunSummary) => number;
  readonly format: (value: number) => string;
  readonly isBad?: boolean;
}

/** One path for all bars, because each element would cost more than its numbers. */
function Plot({ title, runs, valueOf, format, isBad = false }: PlotProps) {
  const values = runs.map(valueOf);
  const most = Math.max(...values);
  const start = (BARS - values.length) * STEP;
  const bars = values.map((value, index) => {
    if (value === 0) return '';
    const height = Math.max(2, Math.round((value / most) * HEIGHT));
    return `M${start + index * STEP} ${HEIGHT}v-${height}h${STEP - GAP}v${height}z`;
  });
  const says = `${title}: ${format(values.at(-1) ?? 0)} in the last run, at most ${format(most)} in ${values.length} runs`;
  return (
    <figure>
      <figcaption>
        {title} <strong>{format(values.at(-1) ?? 0)}</strong> <small>at most {format(most)}</small>
      </figcaption>
      <svg viewBox={`0 0 ${BARS * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={says}>
        <path class={isBad ? 'bad' : undefined} d={bars.join('')} />
      </svg>
    </figure>
  );
}
