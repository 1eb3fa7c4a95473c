/** `npm run schema` writes lifeboat.schema.json, which editors read. A test fails if the file is out of date. */
import { writeFile } from 'node:fs/promises';
import { schemaText } from './json-schema.ts';

await writeFile(new URL('../../lifeboat.schema.json', import.meta.url), schemaText());
