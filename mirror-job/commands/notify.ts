/** `lifeboat notify` sends a test message to each address of `notify`. */
import { UsageError } from '../configuration/usage-error.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { refuseUnreadableRoots } from '../assembly/root-certificates.ts';
import { sendMessage } from '../notify/address.ts';
import { DELIVERY_LIMITS } from '../notify/delivery.ts';
import type { Message } from '../notify/message.ts';
import { secretsIn } from '../notify/notified-secrets.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { connect } from '../runtime/node/connection.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  json: { type: 'boolean', default: false },
} as const;

/** The result of the test of one address. */
interface Tested {
  readonly name: string;
  /** Left out for an entry that has only pings. */
  readonly isDelivered?: boolean;
  /** The status that took the message, or why it was not taken. */
  readonly said: string;
}

export const notify: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat notify [-c FILE] [--json]

Sends a test message to each address that the key "notify" of the configuration has, in its format
and with its signature, and says what each of them answered. It asks no upstream and no store.
Pings are not sent, because a dead-man switch would take them for a run: open their addresses with
curl. docs/notifications.md

Options:
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result as JSON
  -h, --help         this help

Environment:
  the variables that the configuration reads with \${NAME}
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  the proxies, as for sync

Exit code:
  0  each address took its message
  1  an address did not
  2  the configuration or the command line is wrong, or the configuration has no address

Examples:
  npx lifeboat notify
  npx lifeboat notify -c team-a.yaml --json | jq '.addresses[] | select(.isDelivered == false)'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('notify', args, OPTIONS);
    const [extra] = positionals;
    if (extra !== undefined) {
      throw new UsageError(`name the configuration with -c: "${extra}" stands alone. ${seeHelp('notify')}`);
    }
    const { config: file, json } = values;
    const reading = { needsImages: false, cwd: session.cwd };
    const configuration = await loadConfiguration(file, session.env, reading);
    if (configuration.notify.length === 0) {
      throw new UsageError(
        `${file} has no address: add one below "notify", as docs/notifications.md says. ${seeHelp('notify')}`,
      );
    }
    await refuseUnreadableRoots(file, configuration);
    const secrets = secretsIn(configuration);
    const proxies = readProxies(session.env);
    const at = systemClock.now().toISOString();
    const message = testMessage(configuration.name, at);
    const addresses = await Promise.all(
      configuration.notify.map(async (target): Promise<Tested> => {
        const { name, ca } = target;
        const client = await connect(ca, proxies);
        const { signal } = new AbortController();
        const tools = { client, clock: systemClock, limits: DELIVERY_LIMITS, signal };
        const delivery = await sendMessage(target, message, `test ${at}`, tools);
        if (delivery === undefined) return { name, said: 'it has only pings, which are not tried.' };
        return delivery.isDelivered
          ? { name, isDelivered: true, said: `it took the message (${delivery.status}).` }
          : { name, isDelivered: false, said: secrets.hide(`the address ${delivery.why}`) };
      }),
    );
    const result = { addresses };
    const describe = (shown: typeof result) =>
      shown.addresses.map(({ name, said }) => `${name}: ${said}`).join('\n');
    if (json) printJson(result, session);
    else printResult(result, describe, session);
    return addresses.some(({ isDelivered }) => isDelivered === false) ? 1 : 0;
  },
};

function testMessage(mirror: string, at: string): Message {
  return {
    type: 'lifeboat.test',
    mirror,
    at,
    headline: `Lifeboat mirror ${mirror}: this is a test`,
    sections: [],
    next: 'Runs of this mirror send their messages here.',
  };
}
