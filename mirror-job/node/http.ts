/**
 * Node's own HTTP clients. Not by `import`, which reads whatever a module exports: `node:http` exports WebSocket, and
 * for that Node loads a second HTTP client, which took every start a sixth of its time.
 */
import process from 'node:process';

export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
