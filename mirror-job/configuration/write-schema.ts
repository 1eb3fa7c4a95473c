/** `npm run schema` writes lifeboat.schema.json, which editors read. A test fails when it has to be run again. */
import { writeFile } from 'node:fs/promises';
import { schemaText } from './json-schema.ts';

await writeFile(new URL('../../lifeboat.schema.json', import.meta.url), schemaText());
