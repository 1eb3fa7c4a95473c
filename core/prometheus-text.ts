/**
 * Writes metrics, for the textfile collector of Prometheus' node exporter and for those who scrape the edge. The lines are
 * the same in Prometheus' text format and in OpenMetrics, because every metric is a gauge.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
import { printableLines } from './printable.ts';

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function one(value: number): Sample[] {
  return [{ value }];
}

/** @param mirror the configuration's name, a label of every sample */
export function formatMetric(mirror: string, metric: Metric): string {
  return formatMetrics([[mirror, [metric]]]);
}

/**
 * Writes each metric once, with the samples of all mirrors, because a metric may not come twice.
 * @param mirrors the metrics of each configuration, by its name
 */
export function formatMetrics(mirrors: readonly (readonly [string, readonly Metric[]])[]): string {
  const families = new Map<string, { readonly help: string; readonly lines: Map<string, number> }>();
  for (const [mirror, metrics] of mirrors) {
    for (const { name, help, samples } of metrics) {
      const family = families.get(name) ?? { help, lines: new Map<string, number>() };
      families.set(name, family);
      for (const { labels, value } of samples) {
        const series = formatLabels({ mirror, ...labels });
        // One that comes twice would make the reader refuse all others.
        if (!family.lines.has(series)) family.lines.set(series, value);
      }
    }
  }
  return [...families]
    .map(([name, { help, lines }]) => {
      const samples = [...lines].map(([labels, value]) => `${name}${labels} ${value}\n`);
      return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${samples.join('')}`;
    })
    .join('');
}

/** To Prometheus, an empty label is no label, but other readers take it for a name. */
function formatLabels(labels: Readonly<Record<string, string>>): string {
  return `{${Object.entries(labels)
    .filter(([, text]) => text !== '')
    .map(([label, text]) => `${label}="${escape(text)}"`)
    .join(',')}}`;
}

/** The format itself escapes three characters only, and a line end is one of them. */
function escape(text: string): string {
  return printableLines(text)
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
