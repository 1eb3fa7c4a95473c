/** The shape of an entry of `notify`. */
import * as z from 'zod/mini';
import { NOTIFY_EVENTS, NOTIFY_FORMATS } from '../configuration.ts';
import { duration, keys, optional, text } from './values.ts';

const address = z.url({
  protocol: /^https?$/,
  error: 'it must be an address such as https://hooks.example.com/lifeboat.',
});

export const notify = keys({
  url: optional(
    address,
    'Where messages are sent. https; http only for this machine and private networks. Left out: only pings.',
  ),
  on: optional(
    z.array(z.enum(NOTIFY_EVENTS)).check(z.minLength(1, 'it lists no event.')),
    'What is worth a message. Default: [failed, finding, stale, held].',
  ),
  format: optional(
    z.enum(NOTIFY_FORMATS),
    'json: for programs. slack: an incoming webhook. teams: a webhook of Workflows. Default: json.',
  ),
  secret: optional(
    text,
    'Signs the messages as Standard Webhooks has it: whsec_ and base64. Write a variable, as in ${NOTIFY_SECRET}.',
  ),
  ping: optional(
    z.union(
      [
        address,
        keys({
          start: optional(address, 'Asked for when a run begins.'),
          success: optional(address, 'Asked for when a run has ended with exit code 0.'),
          fail: optional(address, 'Asked for when a run has ended with another exit code.'),
        }),
      ],
      {
        error:
          'it must be an address such as https://hc-ping.com/UUID, or a map with start, success and fail.',
      },
    ),
    'A dead-man switch: an address, to which /start and /fail are added as for healthchecks.io, or a map of addresses.',
  ),
  staleAfter: optional(
    duration,
    'How long no run could look at an image before that is the event stale. Default: 24h.',
  ),
  ca: optional(text, 'A PEM file with further root certificates, relative to this file.'),
});
