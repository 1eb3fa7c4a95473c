/**
 * The client library of Prometheus reads the metrics of the edge. The texts are those that test/worker/monitoring/metrics.test.ts
 * compares with the edge's answers, and labels in them attack.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { runProgram } from '../support/process.ts';

const GOLDEN = join(import.meta.dirname, '../worker/monitoring/golden');

/** Prints the samples as JSON. The parser of OpenMetrics refuses what the specification does. */
const READER = `
import importlib, json, sys
parser = importlib.import_module(sys.argv[1])
with open(sys.argv[2]) as file:
    families = list(parser.text_string_to_metric_families(file.read()))
print(json.dumps([[f.name, f.type, [[s.labels, s.value] for s in f.samples]] for f in families]))
`;

const FAMILIES = z.array(
  z.tuple([z.string(), z.string(), z.array(z.tuple([z.record(z.string(), z.string()), z.number()]))]),
);

async function familiesOf(parser: string, file: string): Promise<z.infer<typeof FAMILIES>> {
  const { code, stdout, stderr } = await runProgram('/usr/bin/python3', [
    '-c',
    READER,
    parser,
    join(GOLDEN, file),
  ]);
  if (code !== 0) throw new Error(`python3-prometheus-client does not read ${file}:\n${stderr}`);
  return FAMILIES.parse(JSON.parse(stdout));
}

test.each([
  ['prometheus_client.parser', 'metrics.txt', ['default']],
  ['prometheus_client.openmetrics.parser', 'metrics.openmetrics.txt', ['default', 'never-ran']],
])('%s reads %s', async (parser, file, mirrors) => {
  const families = await familiesOf(parser, file);
  const samples = (name: string) => families.find(([family]) => family === name)?.[2];
  expect(families.length).toBeGreaterThan(20);
  expect(families.filter(([, type]) => type !== 'gauge')).toEqual([]);
  expect(samples('lifeboat_fresh')?.map(([{ mirror }]) => mirror)).toEqual(mirrors);
  expect(samples('lifeboat_store_in_step')).toEqual([
    [{ mirror: 'default', store: 'first' }, 1],
    [{ mirror: 'default', store: 'second "\\[31m' }, 0],
  ]);
  expect(samples('lifeboat_run_end_timestamp_seconds')?.[0]?.[1]).toBe(1_769_904_011.5);
});
