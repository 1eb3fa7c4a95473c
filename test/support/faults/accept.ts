/** Tells the tests of the project `faults` whether the run shall accept what it measures: `npm run test:faults -- -u`. */
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether measured rows are written into docs/faults.md instead of compared with it. */
    isAccepting: boolean;
  }
}

export default function setup(project: TestProject): void {
  project.provide('isAccepting', project.config.snapshotOptions.updateSnapshot === 'all');
}
