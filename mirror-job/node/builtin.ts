/**
 * Node's own modules of which a run needs a part. Not by `import`, which reads whatever a module exports: for that
 * `node:http` loads a second HTTP client, `node:crypto` another cryptography and `node:tls` every root certificate,
 * which took each start a quarter of its time.
 */
import process from 'node:process';

export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
export const crypto = process.getBuiltinModule('node:crypto');
