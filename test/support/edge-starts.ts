/** The two ways to run the edge. Both have to pass the conformance suite. */
import { startEdge } from './edge.ts';
import { startOwnEdge } from './own-edge.ts';

export const EDGE_STARTS = [
  { runtime: 'wrangler', start: startEdge },
  { runtime: 'workerd of one’s own', start: startOwnEdge },
] as const;
