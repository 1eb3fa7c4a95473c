/**
 * Writes metrics for the textfile collector of Prometheus' node exporter.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
import { printableLines } from '../../core/printable.ts';

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
export function formatMetric(mirror: string, { name, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries({ mirror, ...labels }).map(([label, text]) => `${label}="${escape(text)}"`);
    return `${name}{${pairs.join(',')}} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

/** The format itself escapes three characters only, and a line end is one of them. */
function escape(text: string): string {
  return printableLines(text)
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
