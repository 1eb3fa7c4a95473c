/** Runs pulled images. */
import type { Finished } from '../process.ts';
import { isObject } from '../manifest-json.ts';
import type { Pulled } from './client.ts';

/**
 * Returns the image's entrypoint with its arguments.
 * @throws if the image has none
 */
export function commandOf({ reference, config }: Pulled): string[] {
  const settings = isObject(config?.['config']) ? config['config'] : {};
  const command = [...textsOf(settings['Entrypoint']), ...textsOf(settings['Cmd'])];
  if (command.length === 0) throw new Error(`${reference} says nothing that can be run.`);
  return command;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

/**
 * Returns the program's standard output.
 * @throws if the program did not end with 0
 */
export async function expectSuccess(program: Promise<Finished>): Promise<string> {
  const { code, signal, stdout, stderr } = await program;
  if (code !== 0) throw new Error(`The program ended with ${code ?? signal}:\n${stdout}${stderr}`);
  return stdout;
}
