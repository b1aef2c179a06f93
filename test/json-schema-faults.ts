/**
 * @module json-schema-faults: of a JSON schema, as much of it as OpenAPI documents of ours use: values that it does not allow, each wrong in
 * one place, and one that it does.
 */
import * as z from 'zod'

export interface JsonSchema {
  type?: string | string[] | undefined
  properties?: Record<string, JsonSchema> | undefined
  required?: string[] | undefined
  additionalProperties?: boolean | JsonSchema | undefined
  items?: JsonSchema | undefined
  maxItems?: number | undefined
  enum?: unknown[] | undefined
  pattern?: string | undefined
  minLength?: number | undefined
  maxLength?: number | undefined
  minimum?: number | undefined
  exclusiveMinimum?: number | undefined
  maximum?: number | undefined
  anyOf?: JsonSchema[] | undefined
}

/** What it does not know of it does not look at; `oneOf` and the like would be wrongly passed over, and are refused. */
export const JsonSchema: z.ZodType<JsonSchema> = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  get properties() {
    return z.record(z.string(), JsonSchema).optional()
  },
  required: z.array(z.string()).optional(),
  get additionalProperties() {
    return z.union([z.boolean(), JsonSchema]).optional()
  },
  get items() {
    return JsonSchema.optional()
  },
  maxItems: z.number().optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  get anyOf() {
    return z.array(JsonSchema).optional()
  },
  $ref: z.undefined().optional(),
  oneOf: z.undefined().optional(),
  allOf: z.undefined().optional(),
})

export interface Fault {
  value: unknown
  /** Where: `pool.totalBytes`, `jobs.0`; empty: the whole. */
  field: string
}

const wrongTypes: Record<string, unknown[]> = {
  string: [42, true, {}, []],
  integer: ['many', 1.5, {}],
  number: ['many', {}],
  boolean: ['perhaps', 0],
  object: ['text', 42, []],
  array: ['text', 42, {}],
}

const typesOf = ({ type }: JsonSchema): string[] => (type === undefined ? [] : [type].flat())

const wrongType = (schema: JsonSchema): unknown[] => {
  // Of several types only what none of them is.
  if (schema.anyOf) return [{}, []]
  const [first, ...others] = typesOf(schema)
  if (first === undefined) return []
  const isNullable = others.includes('null')
  return [...(wrongTypes[first] ?? []), ...(isNullable ? [] : [null])]
}

const wrongText = ({ enum: values, pattern, minLength = 0, maxLength }: JsonSchema): string[] => [
  ...(values ? ['none of them'] : []),
  ...(pattern === undefined ? [] : ['#?', ''].filter((text) => !new RegExp(pattern).test(text))),
  ...(minLength > 0 ? [''] : []),
  ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]),
]

const wrongNumber = ({ enum: values, minimum, exclusiveMinimum, maximum }: JsonSchema): number[] => [
  ...(values ? [3] : []),
  ...(minimum === undefined ? [] : [minimum - 1]),
  ...(exclusiveMinimum === undefined ? [] : [exclusiveMinimum]),
  ...(maximum === undefined ? [] : [maximum + 1]),
]

const inside = (name: string | number, { value, field }: Fault): Fault => ({
  value: typeof name === 'number' ? [value] : { [name]: value },
  field: field === '' ? String(name) : `${name}.${field}`,
})

const unknownName = 'notKnown'

const inObject = ({ properties = {}, additionalProperties }: JsonSchema): Fault[] => [
  ...Object.entries(properties).flatMap(([name, schema]) =>
    faultsFor(schema).map((fault) => inside(name, fault)),
  ),
  // Whatever the schema says of it: one that names its fields and takes others would pass typing errors over.
  ...(typeof additionalProperties === 'object' ? [] : [{ value: { [unknownName]: 1 }, field: unknownName }]),
  ...(typeof additionalProperties === 'object'
    ? faultsFor(additionalProperties).map((fault) => inside(unknownName, fault))
    : []),
]

const inArray = ({ items, maxItems }: JsonSchema): Fault[] => [
  ...(items ? faultsFor(items).map((fault) => inside(0, fault)) : []),
  ...(items && maxItems !== undefined
    ? [{ value: Array.from({ length: maxItems + 1 }, () => sampleOf(items)), field: '' }]
    : []),
]

/** Each is wrong in one place, besides what is missing in it. */
export const faultsFor = (schema: JsonSchema): Fault[] => {
  const types = typesOf(schema)
  const isNumber = types.includes('integer') || types.includes('number')
  return [
    ...[
      ...wrongType(schema),
      ...(types.includes('string') ? wrongText(schema) : []),
      ...(isNumber ? wrongNumber(schema) : []),
    ].map((value) => ({ value, field: '' })),
    ...(types.includes('object') ? inObject(schema) : []),
    ...(types.includes('array') ? inArray(schema) : []),
  ]
}

/** With what is required alone. Texts with a meaning of their own (a schedule, an address) it cannot make. */
export const sampleOf = (schema: JsonSchema): unknown => {
  const { enum: values, anyOf, properties = {}, required = [], minimum, exclusiveMinimum = 0 } = schema
  if (values) return values[0]
  if (anyOf?.[0]) return sampleOf(anyOf[0])
  switch (typesOf(schema)[0]) {
    case 'object':
      return Object.fromEntries(required.map((name) => [name, sampleOf(properties[name] ?? {})]))
    case 'array':
      return []
    case 'integer':
    case 'number':
      return minimum ?? exclusiveMinimum + 1
    case 'boolean':
      return false
    case undefined:
    default:
      return 'some-name'
  }
}
