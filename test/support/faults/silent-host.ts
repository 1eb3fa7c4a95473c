/** An address that drops every packet that opens a connection, as an unreachable host does. It needs no firewall. */
import { connect, type Socket } from 'node:net';
import { pause, startProgram, waitForOutput } from '../process.ts';

export interface SilentHost {
  stop(): Promise<void>;
}

const SCRIPT = `
const { createServer } = require('node:net');
const [host, ...ports] = process.argv.slice(1);
let waiting = ports.length;
for (const port of ports)
  createServer().listen({ host, port: Number(port), backlog: 1 }, () => {
    waiting -= 1;
    if (waiting === 0) console.log('listening');
  });
`;

/** Connections that the kernel accepts for a program that does not, before it drops the packets of further ones. */
const QUEUE = 4;

/**
 * Starts a program that listens, is stopped, and has its queue of new connections filled.
 * @throws if the address still accepts connections
 */
export async function startSilentHost(host: string, ports: readonly number[]): Promise<SilentHost> {
  const program = await startProgram(process.execPath, ['-e', SCRIPT, host, ...ports.map(String)]);
  const sockets: Socket[] = [];
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    program.kill('SIGKILL');
    await program.exited;
  };
  await waitForOutput(program, /listening/);
  program.kill('SIGSTOP');
  for (const port of ports) {
    for (let count = 0; count < QUEUE; count += 1) sockets.push(open(host, port));
  }
  await pause(200);
  for (const port of ports) {
    const last = open(host, port);
    sockets.push(last);
    await pause(300);
    if (last.connecting) continue;
    await stop();
    throw new Error(`${host}:${port} accepts connections although its queue is full.`);
  }
  return { stop };
}

function open(host: string, port: number): Socket {
  const socket = connect(port, host);
  socket.on('error', () => {});
  return socket;
}
