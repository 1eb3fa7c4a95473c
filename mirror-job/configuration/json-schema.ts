/** The JSON Schema of lifeboat.yaml, for editors: of the same definition that validates. */
import * as z from 'zod/mini';
import { configurationSchema } from './schema.ts';

/** Any text may hold a variable, and then its shape is known only when it is read. */
const VARIABLE = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}' } as const;

/**
 * The text of lifeboat.schema.json. Draft 7, because it is what editors' YAML support reads best.
 * What it cannot say (whether the values go together, and what they mean) is checked by a run alone.
 */
export function schemaText(): string {
  const { $schema, ...rest } = z.toJSONSchema(configurationSchema, {
    target: 'draft-7',
    io: 'input',
    override({ jsonSchema }) {
      if (jsonSchema.format === undefined && jsonSchema.pattern === undefined) return;
      const { format, pattern, ...others } = jsonSchema;
      const written = {
        ...(format !== undefined && { format }),
        // An address's own pattern is that of its parser; this says as much, and is readable.
        ...(pattern !== undefined && format === undefined && { pattern }),
      };
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      const { type, ...described } = others;
      Object.assign(jsonSchema, described, { anyOf: [{ type, ...written }, { ...VARIABLE }] });
    },
  });
  // Editors head each key and each message with the title: it has to be short.
  const title = 'lifeboat.yaml';
  const description = 'What Lifeboat mirrors, from where, and into which bucket.';
  return `${JSON.stringify({ $schema, title, description, ...rest }, undefined, 2)}\n`;
}
