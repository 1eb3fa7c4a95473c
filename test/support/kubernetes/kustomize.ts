/** Builds overlays of infra/kubernetes with the real kustomize. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { runProgram } from '../process.ts';
import { requireProgram } from '../programs.ts';
import type { KubernetesObject } from './api-server.ts';

const KUBERNETES = resolve(import.meta.dirname, '../../../infra/kubernetes');

export const COMPONENTS = [
  'pull-secret',
  'private-ca',
  'workload-identity',
  'drill-publish',
  'metrics-push',
] as const;

/** @throws if kustomize refuses the folder, with its reason */
export async function build(folder: string): Promise<readonly KubernetesObject[]> {
  const kustomize = await requireProgram('kustomize');
  const { code, stdout, stderr } = await runProgram(kustomize, ['build', folder]);
  if (code !== 0 || stderr !== '') throw new Error(`kustomize build ended with ${code}: ${stderr}`);
  return parseAllDocuments(stdout).map((document): KubernetesObject => document.toJS());
}

/** Builds a folder of infra/kubernetes as it is. @param name such as `overlays/example` */
export function buildFolder(name: string): Promise<readonly KubernetesObject[]> {
  return build(join(KUBERNETES, name));
}

/**
 * Builds a copy of the example in which these components are taken in, as its comment and theirs say.
 * @throws if kustomize refuses it
 */
export async function buildExampleWith(
  components: readonly (typeof COMPONENTS)[number][],
): Promise<readonly KubernetesObject[]> {
  const copy = await mkdtemp(join(tmpdir(), 'lifeboat-kustomize-'));
  try {
    await cp(KUBERNETES, copy, { recursive: true });
    const overlay = join(copy, 'overlays/example');
    const file = join(overlay, 'kustomization.yaml');
    let text = await readFile(file, 'utf8');
    for (const component of components) {
      const line = `#  - ../../components/${component}\n`;
      if (!text.includes(line)) throw new Error(`The example does not name the component ${component}.`);
      text = text.replace('components: []\n', 'components:\n').replace(line, line.slice(1));
      for (const [generator, lines] of await generatorsOf(join(copy, 'components', component))) {
        text = text.replace(`${generator}:\n`, `${generator}:\n${lines}`);
      }
    }
    await writeFile(file, text);
    await writeFile(join(overlay, 'registry-login.json'), '{"auths":{}}');
    await writeFile(join(overlay, 'root.pem'), 'a certificate');
    return await build(overlay);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** @returns the generators that the first comment of a component asks of the overlay, by their key */
async function generatorsOf(component: string): Promise<ReadonlyMap<string, string>> {
  const [comment = ''] = (await readFile(join(component, 'kustomization.yaml'), 'utf8')).split(
    '\napiVersion:',
  );
  const found = comment.matchAll(/^#   (\w+Generator):\n((?:#     .*(?:\n|$))+)/gm);
  return new Map(
    [...found].map(([, key = '', lines = '']) => [key, `${lines.replaceAll(/^# {3}/gm, '').trimEnd()}\n`]),
  );
}
