import type { JsonObject } from '../../json.ts'
import type { CheckType } from '../checks/check-type.ts'
import { checkTypes } from '../checks/registry.ts'
import { commonCheckKeys } from './common-check-keys.ts'
import { checkTypeKeys, partKeys, variablesShape } from './flow-shape.ts'
import {
  orNothing,
  propertiesSchema,
  propertySchemas,
  requiredNames,
  requiredSchema,
} from './record-shape.ts'
import type { Keys } from './shape.ts'
import { text } from './value-shapes.ts'

const allTypes: Readonly<Record<string, CheckType<Keys, never>>> = checkTypes

/** The JSON Schema of flow files, for editors; what only the whole file can tell is left to the validator. */
export function flowSchema(): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Signalbox flow',
    description:
      'A monitored dataflow: processes, connections and health checks. docs/flows.md explains every key.',
    $defs: { check: propertySchemas(commonCheckKeys) },
    type: 'object',
    additionalProperties: false,
    ...requiredSchema([...requiredNames(partKeys), 'health_checks']),
    ...propertiesSchema({
      ...propertySchemas(partKeys),
      variables: {
        ...orNothing(variablesShape.schema),
        additionalProperties: orNothing(text.schema),
        description:
          'Values for uses of their name, from the environment or written here; secrets belong to the environment.',
      },
      check_types: {
        type: ['object', 'null'],
        description: 'Check types of this file: templates over the built-in ones.',
        additionalProperties: {
          type: 'object',
          required: ['extends'],
          properties: propertySchemas(checkTypeKeys),
        },
      },
      health_checks: { type: 'array', description: 'What is measured.', items: checkSchema() },
    }),
  }
}

/** The type decides the keys; types of `check_types` may have any, because their templates are not known here. */
function checkSchema(): JsonObject {
  return {
    type: 'object',
    required: ['id', 'process', 'type'],
    properties: {
      type: {
        description: 'What is measured: a built-in type, or one of check_types.',
        anyOf: [
          ...Object.entries(allTypes).map(([name, { measures }]) => ({ const: name, description: measures })),
          { type: 'string' },
        ],
      },
    },
    allOf: Object.entries(allTypes).map(([name, { keys }]) => {
      const common = Object.keys(commonCheckKeys).map((key) => [key, { $ref: `#/$defs/check/${key}` }])
      const known: JsonObject = { ...Object.fromEntries(common), ...propertySchemas(keys) }
      return {
        if: { properties: { type: { const: name } }, required: ['type'] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: {
          additionalProperties: false,
          ...requiredSchema(requiredNames({ ...commonCheckKeys, ...keys })),
          ...propertiesSchema({ ...known, type: true }),
        },
      }
    }),
  }
}
