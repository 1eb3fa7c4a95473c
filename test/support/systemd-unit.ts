/** Reads systemd's own format: sections of `Key=Value`, in which a key may appear several times. */
export type Unit = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** @throws for a line that is neither a section nor a setting */
export function parseUnit(text: string): Unit {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = new Map();
      sections.set(name, section);
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (section === undefined || key === undefined || value === undefined) {
      throw new Error(`line ${index + 1} is neither a section nor a setting: ${line}`);
    }
    section.set(key, [...(section.get(key) ?? []), value]);
  }
  return sections;
}

/**
 * Returns the command that a unit runs. An empty ExecStart clears those before it, as in a drop-in.
 * @throws if there is not exactly one command, or if it has syntax that only systemd understands (quotes, `%`, `$`,
 *   prefixes)
 */
export function commandOf(unit: Unit): readonly string[] {
  const all = unit.get('Service')?.get('ExecStart') ?? [];
  const [command = '', ...others] = all.slice(all.lastIndexOf('') + 1);
  if (others.length > 0 || !/^\/[^'"%$\\;]*$/.test(command)) {
    throw new Error(`This is not one plain command with an absolute path: ${all.join(' | ')}`);
  }
  return command.split(/\s+/);
}
