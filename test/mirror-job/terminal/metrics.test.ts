/**
 * Tests that the metrics of a run are valid for Prometheus.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { expect, test } from 'vitest';
import { parseRepository } from '../../../core/reference.ts';
import type { RunReport } from '../../../mirror-job/engine/report.ts';
import { formatRunMetrics } from '../../../mirror-job/terminal/metrics.ts';

const REPORT: RunReport = {
  run: '20260131T235959.000Z-1a2b3c',
  begun: '2026-01-31T23:59:59.000Z',
  ended: '2026-02-01T00:00:11.500Z',
  counts: { unchanged: 40, created: 2, moved: 1, held: 5, gone: 6, failed: 3, skipped: 4 },
  blobs: { copied: 5, present: 6 },
  manifests: { copied: 7 },
  bytes: 89_000_000,
  interrupted: false,
  upstreams: [
    {
      name: 'docker.io',
      requests: { heads: 43, manifestGets: 9, blobGets: 5, lists: 1 },
      quotas: [
        { account: 1, remaining: 91, limit: 100, seconds: 21_600, source: 'a "quoted"\\\nname\u001B\u202E' },
        { account: 2, remaining: 5, limit: undefined, seconds: undefined, source: undefined },
      ],
      exhausted: undefined,
    },
  ],
  items: [],
  findings: [{ kind: 'list-too-short', repository: parseRepository('a.test/app'), message: 'Too short.' }],
};

test('the metrics have the numbers of a run', () => {
  const lines = formatRunMetrics('default', REPORT, false).split('\n');
  expect(lines.filter((line) => !line.startsWith('#'))).toEqual([
    'lifeboat_run_end_timestamp_seconds{mirror="default"} 1769904011.5',
    'lifeboat_run_duration_seconds{mirror="default"} 12.5',
    'lifeboat_run_success{mirror="default"} 0',
    'lifeboat_run_images{mirror="default",result="unchanged"} 40',
    'lifeboat_run_images{mirror="default",result="created"} 2',
    'lifeboat_run_images{mirror="default",result="moved"} 1',
    'lifeboat_run_images{mirror="default",result="held"} 5',
    'lifeboat_run_images{mirror="default",result="gone"} 6',
    'lifeboat_run_images{mirror="default",result="failed"} 3',
    'lifeboat_run_images{mirror="default",result="skipped"} 4',
    'lifeboat_run_findings{mirror="default"} 1',
    'lifeboat_run_blobs{mirror="default",result="copied"} 5',
    'lifeboat_run_blobs{mirror="default",result="present"} 6',
    'lifeboat_run_manifests_copied{mirror="default"} 7',
    'lifeboat_run_upstream_requests{mirror="default",upstream="docker.io",kind="heads"} 43',
    'lifeboat_run_upstream_requests{mirror="default",upstream="docker.io",kind="manifestGets"} 9',
    'lifeboat_run_upstream_requests{mirror="default",upstream="docker.io",kind="blobGets"} 5',
    'lifeboat_run_upstream_requests{mirror="default",upstream="docker.io",kind="lists"} 1',
    String.raw`lifeboat_upstream_quota_remaining{mirror="default",upstream="docker.io",account="1",source="a \"quoted\"\\\nname\\u001b\\u202e"} 91`,
    'lifeboat_upstream_quota_remaining{mirror="default",upstream="docker.io",account="2"} 5',
    'lifeboat_run_read_bytes{mirror="default"} 89000000',
    '',
  ]);
});

test('the help and the type of each metric come before it', () => {
  const text = formatRunMetrics('default', REPORT, true);
  const named = [...text.matchAll(/^(\w+)\{/gm)].map(([, name]) => name);
  for (const name of new Set(named)) {
    expect(text).toMatch(new RegExp(`^# HELP ${name} .+\\n# TYPE ${name} gauge\\n${name}\\{`, 'm'));
  }
  expect(text).toContain('lifeboat_run_success{mirror="default"} 1\n');
});
