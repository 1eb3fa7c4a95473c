/** Ids of instances, and how one is begun by several steps. */
import { expect, test } from 'vitest';
import { beginInstance, instanceId, isRunning } from '../../../mirror-job/workflow/instances.ts';

async function refuse(): Promise<never> {
  throw new Error('Too many instances.');
}

/** A workflow that knows some instances. */
function workflow(statuses: Readonly<Record<string, string>> = {}) {
  const known = new Map(Object.entries(statuses));
  const created: string[] = [];
  return {
    created,
    known,
    get: async (id: string) => {
      const status = known.get(id);
      if (status === undefined) throw new Error(`instance.not_found: ${id}`);
      return { status: async () => ({ status }) };
    },
    create: async ({ id }: { readonly id: string }) => {
      created.push(id);
      known.set(id, 'running');
    },
  };
}

test('an id has letters, digits, "-" and "_", and at most 100 characters', () => {
  const id = instanceId('20261129T001700.000Z-abcdef', '0', 'registry.internal:5000');
  expect(id).toBe('20261129T001700-000Z-abcdef-0-registry-internal-5000');
  expect(instanceId('blob', id, `sha256:${'a'.repeat(64)}`)).toHaveLength(100);
});

test('two hosts that look alike in an id are told apart by their place in the plan', () => {
  expect(instanceId('run', '0', 'a.b')).not.toBe(instanceId('run', '1', 'a-b'));
});

test('an instance is begun once, by the step that was first', async () => {
  const some = workflow();
  expect(await beginInstance(some, 'one', {})).toBe(true);
  expect(await beginInstance(some, 'one', {})).toBe(false);
  expect(some.created).toEqual(['one']);
});

test('another step that begins it at the same moment is no failure, but too many instances are', async () => {
  const raced = workflow();
  const create = async ({ id }: { readonly id: string }): Promise<never> => {
    raced.known.set(id, 'running');
    throw new Error('instance.already_exists');
  };
  expect(await beginInstance({ ...raced, create }, 'one', {})).toBe(false);
  const full = workflow();
  await expect(beginInstance({ ...full, create: refuse }, 'one', {})).rejects.toThrow('Too many instances.');
});

test('an instance runs until it has ended, and one that is unknown does not run', async () => {
  const some = workflow({ queued: 'queued', running: 'running', done: 'complete', failed: 'errored' });
  const running = ['queued', 'running', 'done', 'failed', 'unknown'].map((id) => isRunning(some, id));
  expect(await Promise.all(running)).toEqual([true, true, false, false, false]);
});
