/** The memory and the open files of a running program, as Linux tells them. */
import { readdir, readFile } from 'node:fs/promises';

/** Bytes that are resident. */
export async function residentBytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kibibytes === undefined) throw new Error(`The process ${pid} has ended.`);
  return Number(kibibytes) * 1024;
}

/** The number of open files, sockets and pipes. */
export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
