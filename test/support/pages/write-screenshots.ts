/** `npm run screenshots`: the pictures of README.md, of a mirror that is made up. */
import { join } from 'node:path';
import { startEdge } from '../edge.ts';
import { startLocalStore } from '../local-store.ts';
import { openPage, startBrowser } from './browser.ts';
import { NGINX } from '../../demo/demo-mirror.ts';
import { putDemo } from './screens.ts';

const FOLDER = join(import.meta.dirname, '../../../docs/images');
const HOST = 'lifeboat.example.com';
const [WIDTH, HEIGHT] = [1120, 640];

const store = await startLocalStore();
await putDemo(store);
const edge = await startEdge(store);
const browser = await startBrowser({ name: HOST, edge: edge.host });
try {
  for (const [name, path, scheme] of [
    ['mirror', '/', 'light'],
    ['repository', `/r/${NGINX}`, 'dark'],
  ] as const) {
    const page = await openPage(browser, { scheme, width: WIDTH, height: HEIGHT });
    // As a proxy that ends TLS says it, because the pictures are of an edge that people reach by https.
    await page.setExtraHTTPHeaders({ 'x-forwarded-proto': 'https' });
    await page.goto(`http://${HOST}${path}`);
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  }
} finally {
  await browser.close();
  await edge.stop();
  await store.stop();
}
