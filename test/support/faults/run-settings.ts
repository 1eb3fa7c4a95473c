/** Tells the tests of the project `faults` with which options Vitest was called. */
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether measured rows are written into docs/faults.md instead of compared with it: `-u`. */
    isAccepting: boolean;
    /** The pattern for the names of the tests that run, of `-t`; empty for all. */
    namePattern: string;
  }
}

export default function setup(project: TestProject): void {
  const { snapshotOptions, testNamePattern } = project.config;
  project.provide('isAccepting', snapshotOptions.updateSnapshot === 'all');
  project.provide('namePattern', testNamePattern?.source ?? '');
}
