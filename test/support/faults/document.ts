/** Reads and writes the tables of docs/faults.md. All else on that page is written by hand. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../process.ts';
import { requireProgram, type ProgramName } from '../programs.ts';
import { PULLER_NAMES, type PullerName } from './puller.ts';
import { TABLES, type Row } from './rows.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const FILE = join(PROJECT, 'docs/faults.md');
const FIRST_COLUMN = 'fault';
/** The line of the versions, which is written with the cells and not compared. */
const VERSIONS = /^Clients: .*$/m;
const PROGRAMS: readonly ProgramName[] = ['containerd', 'containerd2', 'podman', 'skopeo'];

/** Cells by the title of their table, their fault and their client. */
export class FaultDocument {
  readonly #cells = new Map<string, string>();
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
    for (const { title } of TABLES) {
      for (const [fault = '', ...cells] of rowsOf(tableIn(text, title) ?? '')) {
        for (const [index, name] of PULLER_NAMES.entries()) {
          this.#cells.set(keyOf(title, fault, name), cells[index] ?? '');
        }
      }
    }
  }

  static async read(): Promise<FaultDocument> {
    return new FaultDocument(await readFile(FILE, 'utf8'));
  }

  /** @returns undefined if the page has no such row */
  cell({ table, fault }: Row, puller: PullerName): string | undefined {
    return this.#cells.get(keyOf(table.title, fault.title, puller));
  }

  set({ table, fault }: Row, puller: PullerName, text: string): void {
    this.#cells.set(keyOf(table.title, fault.title, puller), text);
  }

  #rowOf(table: string, fault: string): readonly string[] {
    return [fault, ...PULLER_NAMES.map((name) => this.#cells.get(keyOf(table, fault, name)) ?? '')];
  }

  /** @returns the titles of the page's rows that are in no table any more */
  strayRows(): readonly string[] {
    return TABLES.flatMap(({ title, faults }) =>
      rowsOf(tableIn(this.#text, title) ?? '').flatMap(([fault = '']) =>
        faults.some((one) => one.title === fault) ? [] : [`${title}: ${fault}`],
      ),
    );
  }

  /** @throws if the page lacks the heading of a table, or cannot be formatted */
  async write(): Promise<void> {
    let text = this.#text.replace(VERSIONS, await versions());
    for (const { title, faults } of TABLES) {
      const lines = faults.map((fault) => this.#rowOf(title, fault.title));
      const table = [
        [FIRST_COLUMN, ...PULLER_NAMES],
        [FIRST_COLUMN, ...PULLER_NAMES].map(() => '---'),
        ...lines,
      ]
        .map((cells) => `| ${cells.join(' | ')} |\n`)
        .join('');
      const before = tableIn(text, title);
      if (before === undefined) throw new Error(`docs/faults.md has no heading "## ${title}".`);
      const begin = text.indexOf(`\n## ${title}\n`) + `\n## ${title}\n`.length;
      const section = text.slice(begin);
      text =
        text.slice(0, begin) +
        (before === '' ? `\n${table}${section}` : section.replace(before, () => table));
    }
    await writeFile(FILE, text);
    const { code, stderr } = await runProgram(join(PROJECT, 'node_modules/.bin/oxfmt'), [FILE], {
      cwd: PROJECT,
    });
    if (code !== 0) throw new Error(`oxfmt ended with ${code}:\n${stderr}`);
  }
}

/** @returns the line of the versions */
async function versions(): Promise<string> {
  const all = PROGRAMS.map(async (name) => {
    const { stdout } = await runProgram(await requireProgram(name), ['--version']);
    return `${name.replace(/\d$/, '')} ${/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'of an unknown version'}`;
  });
  return `Clients: ${(await Promise.all(all)).join(', ')}.`;
}

function keyOf(table: string, fault: string, puller: string): string {
  return [table, fault, puller].join('|');
}

/** @returns the table below the heading; empty if the heading has none, undefined if there is no heading */
function tableIn(text: string, title: string): string | undefined {
  const heading = `\n## ${title}\n`;
  if (!text.includes(heading)) return undefined;
  const section = text.slice(text.indexOf(heading) + heading.length).split(/^## /m)[0] ?? '';
  return /(?:^\|.*\n)+/m.exec(section)?.[0] ?? '';
}

/** @returns the rows below the headings of the columns */
function rowsOf(table: string): readonly (readonly string[])[] {
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
