/** Tests that a report goes to the named file, and that no other user decides where that is. */
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exportCommand } from '../../../../mirror-job/commands/export.ts';
import {
  isStandardOutput,
  refuseUnwritable,
  writeNewOutput,
  writeOutput,
} from '../../../../mirror-job/commands/output/output-file.ts';
import { createIo } from '../../support/io.ts';
import { CommandLine } from '../../../../mirror-job/terminal/command-line.ts';
import { runProgram } from '../../../support/process.ts';

const MEMORY = '/dev/shm';

test.runIf(existsSync(MEMORY))(
  'a file in memory is written as a file, although its folder is among the devices',
  async () => {
    const folder = await mkdtemp(join(MEMORY, 'lifeboat-'));
    try {
      const file = join(folder, 'report.json');
      await refuseUnwritable('--report', file, '/');
      await writeOutput(file, 'whole');
      expect(await readFile(file, 'utf8')).toBe('whole');
      expect(await readdir(folder)).toEqual(['report.json']);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test('a path whose links lead in a circle is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
  try {
    const file = join(folder, 'one');
    await symlink('two', file);
    await symlink('one', join(folder, 'two'));
    await expect(refuseUnwritable('--report', file, '/')).rejects.toThrow('it cannot be written (ELOOP)');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a new file gets its name only when it is whole, and never replaces another file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
  try {
    await writeNewOutput(join(folder, 'new'), 'whole');
    await writeFile(join(folder, 'old'), 'old');
    await symlink('nowhere', join(folder, 'dangling'));
    for (const name of ['new', 'old', 'dangling']) {
      await expect(writeNewOutput(join(folder, name), 'other')).rejects.toMatchObject({ code: 'EEXIST' });
    }
    await expect(writeNewOutput(join(folder, 'none/new'), '')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(join(folder, 'new'), 'utf8')).toBe('whole');
    expect(await readFile(join(folder, 'old'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['dangling', 'new', 'old']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('links with the predictable draft names of earlier releases are not followed', async () => {
  await inFolder(async (folder) => {
    const target = join(folder, 'target');
    await writeFile(target, 'theirs');
    await symlink(target, join(folder, `report.json.${process.pid}.tmp`));
    await writeOutput(join(folder, 'report.json'), 'report');
    await symlink(target, join(folder, `new.json.${process.pid}.tmp`));
    await writeNewOutput(join(folder, 'new.json'), 'new');
    expect(await readFile(target, 'utf8')).toBe('theirs');
    expect(await readFile(join(folder, 'report.json'), 'utf8')).toBe('report');
    expect(await readFile(join(folder, 'new.json'), 'utf8')).toBe('new');
  });
});

test('a replaced file keeps its permissions, and is at no moment open to more people', async () => {
  await inFolder(async (folder) => {
    for (const mode of [0o600, 0o640, 0o666]) {
      const file = join(folder, `report-${mode}.json`);
      await writeFile(file, 'old');
      await chmod(file, mode);
      const seen = new Set<number>();
      const watched = watchModes(folder, seen);
      await writeOutput(file, 'x'.repeat(1024 * 1024));
      await watched();
      expect((await stat(file)).mode & 0o777).toBe(mode);
      expect([...seen].filter((one) => (one & ~mode) !== 0)).toEqual([]);
      await rm(file);
    }
  });
});

/**
 * A group to which this process may give a file. Root may use any group. Other users find a fault only if they are in a
 * second group.
 */
const OTHER_GROUP =
  process.getuid?.() === 0
    ? 54_321
    : (process.getgroups?.().find((group) => group !== process.getegid?.()) ?? -1);

test('a replaced file keeps its group, because the members of the group may need to read it', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'report.json');
    await writeFile(file, 'old');
    await chown(file, -1, OTHER_GROUP);
    await chmod(file, 0o640);
    const before = await stat(file);
    await writeOutput(file, 'new');
    const { gid, mode } = await stat(file);
    expect([gid, mode & 0o777]).toEqual([before.gid, 0o640]);
  });
});

/** Watches the modes of the files in a folder, until the returned function is called. */
function watchModes(folder: string, seen: Set<number>): () => Promise<void> {
  const state = { isWatching: true };
  const watching = (async () => {
    while (state.isWatching) {
      for (const name of await readdir(folder)) {
        const found = await stat(join(folder, name)).catch(() => undefined);
        if (found !== undefined) seen.add(found.mode & 0o777);
      }
    }
  })();
  return async () => {
    state.isWatching = false;
    await watching;
  };
}

test('a link of this user is followed, and stays a link', async () => {
  await inFolder(async (folder) => {
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'way'));
    await symlink('../way/target.json', join(folder, 'real/link.json'));
    await writeOutput(join(folder, 'way/link.json'), 'whole');
    expect(await readFile(join(folder, 'real/target.json'), 'utf8')).toBe('whole');
    expect((await lstat(join(folder, 'real/link.json'))).isSymbolicLink()).toBe(true);
  });
});

/** The user of links that belong to somebody else, which only root can make. */
const ANOTHER = 65_534;

test.runIf(process.geteuid?.() === 0)('a link of another user is not followed, wherever it is', async () => {
  await inFolder(async (folder) => {
    await mkdir(join(folder, 'target'));
    await writeFile(join(folder, 'target/report.json'), 'theirs');
    await symlink('target/report.json', join(folder, 'report.json'));
    await symlink('target', join(folder, 'way'));
    for (const name of ['report.json', 'way']) await lchown(join(folder, name), ANOTHER, ANOTHER);
    for (const [file, foreign] of [
      ['report.json', 'report.json'],
      ['way/report.json', 'way'],
    ] as const) {
      const path = join(folder, file);
      const reason = `${join(folder, foreign)} is a link of another user, uid ${ANOTHER}, and is not followed`;
      await expect(writeOutput(path, 'report')).rejects.toThrow(reason);
      await expect(refuseUnwritable('--report', path, '/')).rejects.toThrow(
        `--report ${path}: it cannot be written (${reason}). Name a file in a directory where nobody else may write.`,
      );
    }
    await expect(writeNewOutput(join(folder, 'way/new.json'), '')).rejects.toThrow('is a link of another');
    await expect(
      exportCommand.run(['a.b/c:1', '--to', join(folder, 'way/new.tar')], {
        ...createIo(),
        commandLine: new CommandLine(),
      }),
    ).rejects.toThrow(
      `--to ${join(folder, 'way/new.tar')}: it cannot be written (${join(folder, 'way')} is a link of another user, uid ${ANOTHER}, and is not followed). Name a place in a directory where nobody else may write.`,
    );
    expect(await readFile(join(folder, 'target/report.json'), 'utf8')).toBe('theirs');
    expect(await readdir(join(folder, 'target'))).toEqual(['report.json']);
  });
});

test.runIf(process.geteuid?.() === 0)(
  'the permissions of a report are not those of another user’s file',
  async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'report.json');
      await writeFile(file, 'theirs');
      await chmod(file, 0o666);
      await chown(file, ANOTHER, ANOTHER);
      await writeOutput(file, 'report');
      expect((await stat(file)).mode & 0o777).toBe(0o666 & ~process.umask());
    });
  },
);

test.runIf(process.geteuid?.() === 0)(
  'a pipe of another user gets no report, and the job does not wait for its reader',
  async () => {
    await inFolder(async (folder) => {
      const pipe = join(folder, 'report.json');
      await runProgram('mkfifo', ['-m', '666', pipe]);
      await chown(pipe, ANOTHER, ANOTHER);
      await symlink('report.json', join(folder, 'link.json'));
      const reason = `${pipe} is a pipe of another user, uid ${ANOTHER}, and is not written to`;
      for (const path of [pipe, join(folder, 'link.json')]) {
        await expect(refuseUnwritable('--report', path, '/')).rejects.toThrow(
          `--report ${path}: it cannot be written (${reason}). Name a file in a directory where nobody else may write.`,
        );
        await expect(writeOutput(path, 'report')).rejects.toThrow(reason);
      }
    });
  },
);

test.runIf(process.geteuid?.() === 0)('a socket of another user gets no report', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'report.json');
    const server = createServer();
    await new Promise<void>((listening) => server.listen(path, listening));
    try {
      await chown(path, ANOTHER, ANOTHER);
      await expect(refuseUnwritable('--report', path, '/')).rejects.toThrow(
        `${path} is a socket of another user, uid ${ANOTHER}, and is not written to`,
      );
    } finally {
      await new Promise((closed) => server.close(closed));
    }
  });
});

test('a pipe of this user gets the report, and stays a pipe', async () => {
  await inFolder(async (folder) => {
    const pipe = join(folder, 'report.json');
    await runProgram('mkfifo', [pipe]);
    await refuseUnwritable('--report', pipe, '/');
    const [text] = await Promise.all([readFile(pipe, 'utf8'), writeOutput(pipe, 'whole')]);
    expect(text).toBe('whole');
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });
});

const PROGRAM = `
  const { refuseUnwritable, writeOutput } = await import(process.argv[1]);
  for (const file of process.argv.slice(2)) {
    await refuseUnwritable('--report', file, '/');
    await writeOutput(file, 'report\\n');
  }
`;

test.each([
  ['/dev/stdout', 'link'],
  ['/proc/self/fd/1', 'link'],
  ['/dev', 'link/stdout'],
])('a link of this user to %s leads to standard output, which is a pipe', async (target, name) => {
  await inFolder(async (folder) => {
    await symlink(target, join(folder, 'link'));
    await symlink('link', join(folder, 'other'));
    const files = [name, name.replace('link', 'other')].map((one) => join(folder, one));
    const module = join(import.meta.dirname, '../../../../mirror-job/commands/output/output-file.ts');
    // Node gives its children sockets, and the shell gives them pipes.
    const node = [process.execPath, '--input-type=module', '--eval', PROGRAM, module, ...files];
    const { stdout } = await runProgram('sh', ['-c', '"$@" | cat', 'sh', ...node]);
    expect(stdout).toBe('report\nreport\n');
    expect(await Promise.all(files.map(isStandardOutput))).toEqual([true, true]);
    expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
  });
});

test('no other file is taken for standard output', async () => {
  await inFolder(async (folder) => {
    await symlink('/dev/null', join(folder, 'link'));
    await symlink('circle', join(folder, 'circle'));
    for (const name of ['link', 'circle', 'none']) {
      expect(await isStandardOutput(join(folder, name))).toBe(false);
    }
  });
});
