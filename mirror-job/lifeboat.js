#!/usr/bin/env node
// The whole module: an older Node refuses to import by name what it does not have.
import module from 'node:module';

// What `lifeboat` starts: JavaScript that every version of Node reads, so that one which cannot run the
// TypeScript of main.ts says so instead of printing a stack trace.
if (process.features.typescript) {
  // Compiled once: later runs begin half a second earlier, and without the 30 MB of a TypeScript compiler.
  module.enableCompileCache?.();
  await import('./main.ts');
} else {
  process.stderr.write(
    `lifeboat: this is Node ${process.versions.node}, and 22.18 or newer is needed. In the project's folder "npx lifeboat" runs the Node that "npm ci" has installed there.\n`,
  );
  process.exitCode = 2;
}
