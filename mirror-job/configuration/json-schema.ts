/** Makes the JSON Schema of lifeboat.yaml, for editors, from the same definition that validates the file. */
import * as z from 'zod/mini';
import { imagelessSchema } from './schema.ts';

/** Any text may be a variable, whose value is known only when the file is read. */
const VARIABLE = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}' } as const;

/**
 * Returns the text of lifeboat.schema.json. It is Draft 7, because editors' YAML support reads that best. A schema
 * cannot say what values mean, or whether they go together; only a run checks that.
 */
export function schemaText(): string {
  const {
    $schema,
    required: _,
    ...rest
  } = z.toJSONSchema(imagelessSchema, {
    target: 'draft-7',
    io: 'input',
    override({ jsonSchema }) {
      if (jsonSchema.format === undefined && jsonSchema.pattern === undefined) return;
      const { format, pattern, ...others } = jsonSchema;
      const written = {
        ...(format !== undefined && { format }),
        // The pattern of an address is left out, because the format `uri` says the same and is readable.
        ...(pattern !== undefined && format === undefined && { pattern }),
      };
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      const { type, ...described } = others;
      Object.assign(jsonSchema, described, { anyOf: [{ type, ...written }, { ...VARIABLE }] });
    },
  });
  // The title is short, because editors show it above each key and each message.
  const title = 'lifeboat.yaml';
  const description = 'What Lifeboat mirrors, from where, and into which bucket.';
  return `${JSON.stringify({ $schema, title, description, ...rest }, undefined, 2)}\n`;
}
