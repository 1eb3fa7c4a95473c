/** infra/kubernetes/base/images.yaml: its role has what `lifeboat images --cluster` lists. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod/mini';
import { customKindNames } from '../../cluster/images/kubernetes/custom-kinds.ts';

const ROLE = z.object({
  kind: z.literal('ClusterRole'),
  rules: z.array(
    z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
  ),
});

const WORKLOADS = [
  '/nodes',
  '/pods',
  'apps/daemonsets',
  'apps/deployments',
  'apps/statefulsets',
  'batch/cronjobs',
  'batch/jobs',
];

/** The plural by which the API names a kind: `tekton.dev/Task` is `tekton.dev/tasks`. */
function resourceOf(name: string): string {
  const [group = '', kind = ''] = name.split('/');
  const plural = kind
    .toLowerCase()
    .replace(/y$/, 'ie')
    .replace(/(s|ch)$/, '$1e');
  return `${group}/${plural}s`;
}

test('the role may get and list, and nothing else, exactly the kinds that are listed', async () => {
  const file = join(import.meta.dirname, '../../infra/kubernetes/base/images.yaml');
  const documents = parseAllDocuments(await readFile(file, 'utf8')).map((document): unknown =>
    document.toJS(),
  );
  const roles = documents.flatMap((value) => {
    const parsed = ROLE.safeParse(value);
    return parsed.success ? [parsed.data] : [];
  });
  expect(roles).toHaveLength(1);
  const rules = roles.flatMap((role) => role.rules);
  for (const { verbs } of rules) expect(verbs).toEqual(['get', 'list']);
  const resources = rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) => rule.resources.map((resource) => `${group}/${resource}`)),
  );
  expect(resources.toSorted()).toEqual([...WORKLOADS, ...customKindNames().map(resourceOf)].toSorted());
});
