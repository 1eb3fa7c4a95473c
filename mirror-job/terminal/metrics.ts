/**
 * Writes a run as metrics, for the textfile collector of Prometheus' node exporter. An alert decides who is woken up,
 * and every mirror needs the alert "no run has succeeded for six hours".
 */
import { formatMetrics } from '../../core/prometheus-text.ts';
import { runMetrics } from '../../core/run-metrics.ts';
import type { RunReport } from '../engine/report.ts';

/**
 * @param mirror the configuration's name
 * @param isDone whether the run exits with 0
 */
export function formatRunMetrics(mirror: string, report: RunReport, isDone: boolean): string {
  const run = { ...report, findings: report.findings.length };
  return formatMetrics([[mirror, runMetrics(run, isDone)]]);
}
