import { printable } from '../../core/printable.ts';

/** Mirror sets contradict each other in a way that OpenShift refuses. The error has every conflict, one sentence or more each. */
export class MirrorConflictError extends Error {
  override readonly name = 'MirrorConflictError';
  readonly conflicts: readonly string[];

  constructor(conflicts: readonly string[]) {
    // Each conflict is one line, whatever it quotes of a file.
    const lines = conflicts.map(printable);
    super(lines.join('\n'));
    this.conflicts = lines;
  }
}
