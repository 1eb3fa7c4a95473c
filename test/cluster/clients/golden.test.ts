/** The files of each runtime, as they were read and tried. Look at each change: `vitest -u` writes them again. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../core/reference.ts';
import { CLIENT_RUNTIMES } from '../../../cluster/clients/runtimes.ts';
import type { ClientSetup, RuntimeConfiguration } from '../../../cluster/clients/setup.ts';

const PLAIN: ClientSetup = {
  edge: 'https://lifeboat.example.com',
  upstreams: ['docker.io', 'quay.io'].map((host) => ({ name: parseUpstream(host), isInsecure: false })),
  order: 'mirror-first',
  tags: false,
  token: undefined,
  peers: [],
};

const SETUPS: Readonly<Record<string, ClientSetup>> = {
  'mirror first, digests only': PLAIN,
  'upstream first, tags too, a token, a peer, a port': {
    ...PLAIN,
    edge: 'http://edge.internal:8787',
    upstreams: [
      { name: parseUpstream('docker.io'), isInsecure: false },
      { name: parseUpstream('registry.internal:5000'), isInsecure: true },
    ],
    order: 'upstream-first',
    tags: true,
    token: 'secret',
    peers: ['http://127.0.0.1:30020'],
  },
  'every registry': { ...PLAIN, upstreams: 'all' },
};

function textOf({ files, limits, steps }: RuntimeConfiguration): string {
  return [
    ...files.map(
      ({ path, content, kind, isSecret }) => `--- ${path} (${kind}${isSecret ? ', secret' : ''})\n${content}`,
    ),
    ...limits.map((limit) => `! ${limit}\n`),
    ...steps.map((step) => `> ${step}\n`),
  ].join('\n');
}

test.for(CLIENT_RUNTIMES)('$name', async ({ name, configure }) => {
  const sections = Object.entries(SETUPS).map(
    ([title, setup]) => `=== ${title}\n\n${textOf(configure(setup))}`,
  );
  await expect(sections.join('\n')).toMatchFileSnapshot(`golden/${name}.txt`);
});
