/** Prints a drill, writes its page and its metrics, and sends the metrics. */
import { resolve } from 'node:path';
import type { Drill } from '../../../cluster/drill/drill.ts';
import { formatDrillMetrics } from '../../terminal/drill-metrics.ts';
import { drillPage } from '../../terminal/drill-page.ts';
import { describeDrill, drillData } from '../../terminal/drill-text.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';
import { formatJson, printResult } from '../../terminal/result.ts';
import { styleFor } from '../../terminal/style.ts';
import { pushMetrics } from '../output/metrics-push.ts';
import { refuseMixture } from '../output/output-claims.ts';
import { isStandardOutput, refuseUnwritable, whyUnwritable, writeOutput } from '../output/output-file.ts';

export interface DrillOutputs {
  /** The file for the page. */
  readonly html?: string | undefined;
  /** The file for the metrics. */
  readonly metrics?: string | undefined;
  /** The Pushgateway that gets the metrics. */
  readonly gateway?: URL | undefined;
  /** Prints everything as JSON, instead of a text. */
  readonly json: boolean;
}

/** Prints the drill, writes the files that the options name, and sends the metrics. @returns the exit code */
export async function publishDrill(
  drilled: Drill,
  { html, metrics, gateway, json }: DrillOutputs,
  exitCode: 0 | 1 | 3,
  { progress, session }: { readonly progress: Progress; readonly session: Session },
): Promise<number> {
  const files = [
    ...(html === undefined ? [] : [{ option: '--html', file: html, text: drillPage(drilled) }]),
    ...(metrics === undefined
      ? []
      : [{ option: '--metrics', file: metrics, text: formatDrillMetrics(drilled, exitCode) }]),
  ];
  const areStandardOutput = await Promise.all(
    files.map(({ file }) => isStandardOutput(resolve(session.cwd, file))),
  );
  const stream = areStandardOutput.includes(true) ? session.stderr : session.stdout;
  if (json) stream.write(formatJson(drillData(drilled), session.commandLine));
  else {
    const style = styleFor(stream, session.env);
    printResult(drilled, (shown) => describeDrill(shown, style), session, stream);
  }
  let isWritten = true;
  for (const { option, file, text } of files) {
    try {
      await writeOutput(resolve(session.cwd, file), text);
    } catch (error) {
      progress.warn(`${option} ${file}: it could not be written (${whyUnwritable(error)}).`);
      isWritten = false;
    }
  }
  if (gateway !== undefined) {
    const group = { job: 'lifeboat_drill', instance: drilled.mirror } as const;
    const sent = { text: formatDrillMetrics(drilled, exitCode), isStopped: false };
    await pushMetrics(gateway, group, sent, { progress, session });
  }
  return exitCode === 0 && !isWritten ? 1 : exitCode;
}

/** @throws {UsageError} for a file that cannot be written */
export async function refuseOutputs({ html, metrics, json }: DrillOutputs, cwd: string): Promise<void> {
  await refuseMixture('drill', json, { '--html': html, '--metrics': metrics }, cwd);
  if (html !== undefined) await refuseUnwritable('--html', html, cwd);
  if (metrics !== undefined) await refuseUnwritable('--metrics', metrics, cwd);
}
