/** Wrangler's entry, and the only file that knows the Worker's bindings. */
import { ConfigurationError } from './configuration/configuration-error.ts';
import { readConfiguration } from './configuration/configuration.ts';
import type { Variables } from './configuration/variable.ts';
import { Edge, refuseAll } from './edge.ts';
import { startRealTimer } from './isolate/edge-runtime.ts';
import { LIMITS } from './isolate/limits.ts';
import type { MissBinding } from './misses/miss-queue.ts';
import { logBackgroundFailure, logRefusal, logToAnalytics, logToConsole, type Log } from './log.ts';

const edges = new WeakMap<object, Edge | ConfigurationError>();

/** Each isolate makes one edge, because the edge's caches live as long as it does. */
function edgeFor(variables: object): Edge | ConfigurationError {
  const earlier = edges.get(variables);
  if (earlier !== undefined) return earlier;
  const edge = makeEdge(variables);
  edges.set(variables, edge);
  return edge;
}

function makeEdge(variables: object): Edge | ConfigurationError {
  try {
    return new Edge(readConfiguration(setVariables(variables)), {
      fetch: (url, init) => fetch(url, init),
      cache: caches.default,
      now: () => Date.now(),
      startTimer: startRealTimer,
      limits: LIMITS,
      log: logFor(variables),
      missBinding: missBindingIn(variables),
      onBackgroundFailure: logBackgroundFailure,
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Each isolate logs it once. A deployment's requests show it anyway, but a unit's journal would be empty.
    logRefusal(error.message);
    return error;
  }
}

/** workerd gives null for a variable that its environment does not have; in Cloudflare, such a variable is absent. */
function setVariables(variables: object): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== null));
}

function logFor(variables: object): Log {
  if (!('ANALYTICS' in variables)) return logToConsole;
  const { ANALYTICS: dataset } = variables;
  if (!isDataset(dataset)) {
    throw new ConfigurationError('ANALYTICS', 'it is not the binding of an Analytics Engine dataset.');
  }
  const logPoint = logToAnalytics(dataset);
  return (event) => {
    logToConsole(event);
    logPoint(event);
  };
}

function isDataset(value: unknown): value is Pick<AnalyticsEngineDataset, 'writeDataPoint'> {
  return typeof value === 'object' && value !== null && 'writeDataPoint' in value;
}

function missBindingIn(variables: object): MissBinding | undefined {
  if (!('MISSES' in variables)) return undefined;
  const { MISSES: queue } = variables;
  if (!isQueue(queue)) throw new ConfigurationError('MISSES', 'it is not the binding of a Queue.');
  return queue;
}

function isQueue(value: unknown): value is MissBinding {
  return typeof value === 'object' && value !== null && 'send' in value;
}

// A router would add 5 KiB, compressed, and there is one handler: the edge parses the path itself.
export default {
  fetch(
    request: Request,
    variables: Env,
    context: Pick<ExecutionContext, 'waitUntil'>,
  ): Response | Promise<Response> {
    const edge = edgeFor(variables);
    if (edge instanceof ConfigurationError) return refuseAll(request.method, edge);
    return edge.handle(request, (work) => context.waitUntil(work));
  },
};
