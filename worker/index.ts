/** Wrangler's entry, and the one file that knows what the Worker is bound to. */
import { Hono } from 'hono/tiny';
import { readConfiguration } from './configuration/configuration.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import { Edge, refuseAll } from './edge.ts';
import { LIMITS } from './cache/edge-objects.ts';
import { logToAnalytics, logRefreshFailure, logToConsole, type Log } from './log.ts';
import { startRealTimer } from './store/time-limit.ts';

const edges = new WeakMap<object, Edge | ConfigurationError>();

/** Made once an isolate, with all that it keeps in memory. */
function edgeFor(variables: object): Edge | ConfigurationError {
  const known = edges.get(variables);
  if (known !== undefined) return known;
  const made = makeEdge(variables);
  edges.set(variables, made);
  return made;
}

function makeEdge(variables: object): Edge | ConfigurationError {
  try {
    return new Edge(readConfiguration({ ...variables }), {
      fetch: (url, init) => fetch(url, init),
      cache: caches.default,
      now: () => Date.now(),
      startTimer: startRealTimer,
      limits: LIMITS,
      log: logFor(variables),
      onRefreshFailure: logRefreshFailure,
    });
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
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

// Every path has the one handler, which takes it apart itself.
const app = new Hono<{ Bindings: Env }>({ getPath: () => '/' });

// Hono answers HEAD by the handler for GET; the edge goes by the request's own method.
app.all('*', (context): Response | Promise<Response> => {
  const edge = edgeFor(context.env);
  if (edge instanceof ConfigurationError) return refuseAll(context.req.raw.method, edge);
  return edge.handle(context.req.raw, (work) => context.executionCtx.waitUntil(work));
});

export default app;
