/** Runs the Prometheus Pushgateway. */
import { freePort, startProgram, waitForHttp } from './process.ts';
import { requireProgram } from './programs.ts';

export interface Pushgateway {
  readonly url: string;
  /** All that it shows to Prometheus. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/** @throws if the program is missing or does not start */
export async function startPushgateway(): Promise<Pushgateway> {
  const path = await requireProgram('prometheus-pushgateway');
  const address = `127.0.0.1:${await freePort()}`;
  const program = await startProgram(path, [`--web.listen-address=${address}`]);
  const url = `http://${address}`;
  await waitForHttp(url, { program });
  return {
    url,
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    stop: async () => {
      await program.stop();
    },
  };
}
