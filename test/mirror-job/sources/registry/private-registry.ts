/** A registry with one image that wants a login, and an account. */
import { afterEach } from 'vitest';
import { parseTag } from '../../../../core/reference.ts';
import type { CredentialProvider } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import { basicHeader, type Auth } from '../../../support/registry-auth.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

const app = emptyRepository();
export const layer = await addLayer(app, 'layer');
export const image = addImage(app, { layers: [layer] });
export const one = parseTag('one');
tagAs(app, image, one);
const repositories = new Map([
  ['team/app', app],
  ['team/other', app],
]);

export const credential = { username: 'user', password: 'pass:word' };
export const account: CredentialProvider = async () => ({
  ...credential,
  from: 'configured for this upstream',
});
export const basic = basicHeader(credential);

/** Stopped after the test. */
export async function startPrivate(auth: Auth, misbehave?: (path: string) => Misbehaviour | undefined) {
  const registry = await startRogueRegistry({
    corpus: { repositories },
    auth,
    ...(misbehave !== undefined && { misbehave: ({ path }) => misbehave(path) }),
  });
  registries.push(registry);
  return registry;
}
