/** The message for programs, with the envelope that Standard Webhooks proposes: `type`, `timestamp`, `data`. */
import type { Message } from '../message.ts';

export function formatJsonMessage({ type, at, ...data }: Message): unknown {
  return { type, timestamp: at, data };
}
