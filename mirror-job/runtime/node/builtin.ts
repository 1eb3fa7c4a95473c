/**
 * Node's own modules of which a run needs a part. Not by `import`, which reads whatever a module exports: for that
 * `node:http` loads a second HTTP client, `node:crypto` another cryptography, `node:fs` and `node:util` their streams and
 * debuggers, and `node:process` opens the standard input. All that took each start a third of its time.
 */
export const http = process.getBuiltinModule('node:http');
export const crypto = process.getBuiltinModule('node:crypto');
export const fs = process.getBuiltinModule('node:fs');
export const util = process.getBuiltinModule('node:util');

/** Only where an address asks for it: it brings all of TLS. */
export const loadHttps = () => process.getBuiltinModule('node:https');
