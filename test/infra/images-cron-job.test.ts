/** infra/kubernetes/base/images.yaml: its role has what `lifeboat images --cluster` lists. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod/mini';
import { customGroups } from '../../cluster/images/kubernetes/custom-kinds.ts';

const ROLE = z.object({
  kind: z.literal('ClusterRole'),
  rules: z.array(z.object({ apiGroups: z.array(z.string()), verbs: z.array(z.string()) })),
});

test('the role may get and list, and nothing else, in every API group that is listed', async () => {
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
  const groups = rules.flatMap(({ apiGroups }) => apiGroups);
  expect(groups.toSorted((one, other) => (one < other ? -1 : 1))).toEqual(
    ['', 'apps', 'batch', ...customGroups()].toSorted((one, other) => (one < other ? -1 : 1)),
  );
});
