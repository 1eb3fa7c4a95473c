/**
 * Sends metrics to a Prometheus Pushgateway, because nobody collects a file of a pod or of a CI job that has ended.
 * https://github.com/prometheus/pushgateway#api
 */
import type { IncomingMessage } from 'node:http';
import { printable } from '../../../core/printable.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { failureOf } from '../../doctor/failure.ts';
import { createAgents } from '../../runtime/node/agents.ts';
import { exchange } from '../../runtime/node/exchange.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import { USER_AGENT } from '../../runtime/user-agent.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';
import { seeHelp } from '../command.ts';

/** A group of metrics of the Pushgateway. A push replaces its whole group. */
export interface PushGroup {
  readonly job: 'lifeboat' | 'lifeboat_drill' | 'lifeboat_verify';
  /** The configuration's name. */
  readonly instance: string;
}

const LIMIT_MS = 5000;
/** A run that was stopped has ten seconds in all, and has used up most of them. */
const STOPPED_LIMIT_MS = 1000;
/** A Pushgateway says in a line why it refuses metrics. */
const MAX_REASON_CHARACTERS = 300;

/**
 * @returns the address that `--metrics-push` names
 * @throws {UsageError} which does not quote the text, because it may have a password in it
 */
export function parsePushUrl(text: string, command: string): URL {
  const url = URL.parse(text);
  const problem =
    url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')
      ? 'it must be the address of a Pushgateway, such as http://pushgateway:9091.'
      : url.username !== '' || url.password !== ''
        ? 'leave user and password out: an argument can be read by other users of the machine.'
        : url.search !== '' || url.hash !== ''
          ? 'leave out what begins with "?" or "#": the Pushgateway takes a path alone.'
          : undefined;
  if (url !== null && problem === undefined) return url;
  throw new UsageError(`--metrics-push: ${problem} ${seeHelp(command)}`);
}

/** @returns the address of the group; an address that names a group itself is taken as it is */
function addressOf(gateway: URL, { job, instance }: PushGroup): URL {
  if (/\/metrics\/job(?:@base64)?\//.test(gateway.pathname)) return gateway;
  const base = gateway.pathname.replace(/\/+$/, '');
  return new URL(`${base}/metrics/job/${job}/instance/${encodeURIComponent(instance)}`, gateway);
}

/**
 * Replaces the metrics of a group. It takes seconds at most. If the metrics do not arrive, it warns, and nothing else happens: they
 * are about a run that is over, and its exit code is not theirs.
 * @param isStopped whether the run was told to stop, so that its time is short
 */
export async function pushMetrics(
  gateway: URL,
  group: PushGroup,
  { text, isStopped }: { readonly text: string; readonly isStopped: boolean },
  { progress, session }: { readonly progress: Progress; readonly session: Session },
): Promise<void> {
  const address = addressOf(gateway, group);
  const limitMs = isStopped ? STOPPED_LIMIT_MS : LIMIT_MS;
  let reason: string | undefined;
  try {
    reason = await put(address, text, limitMs, session.env);
  } catch (error) {
    reason = failureOf(error, limitMs).detail;
  }
  if (reason === undefined) return;
  progress.warn(
    `--metrics-push ${address.href}: the metrics were not taken (${reason}). Nothing else depends on it.`,
  );
}

/** @returns why the metrics were refused; undefined if they were taken */
async function put(
  address: URL,
  text: string,
  limitMs: number,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const response = await exchange({
    method: 'PUT',
    origin: address,
    path: address.pathname,
    headers: {
      host: address.host,
      'user-agent': USER_AGENT,
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
    },
    body: text,
    agents: createAgents(readProxies(environment), { keepAlive: false }),
    timeoutMs: limitMs,
    signal: AbortSignal.timeout(limitMs),
  });
  const { statusCode: status = 0 } = response;
  const isTaken = status >= 200 && status < 300;
  const says = isTaken ? '' : await beginningOf(response);
  response.destroy();
  return isTaken ? undefined : `it answered ${status}${says === '' ? '' : `: ${says}`}`;
}

/** @returns as much of the body as came before its end, or before the time was over */
async function beginningOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > MAX_REASON_CHARACTERS) break;
    }
  } catch {
    // The status says enough.
  }
  return printable(text.slice(0, MAX_REASON_CHARACTERS).replaceAll(/\s+/g, ' ').trim());
}
