/** JSON Schema as people read it. */

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly anyOf?: readonly Schema[]
}

/** `{"flies": [string], "around"?: [string]}`. */
export function shapeOf(given: object): string {
  const schema = given as Schema
  if (schema.anyOf !== undefined) return schema.anyOf.map(shapeOf).join(' or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(value => JSON.stringify(value)).join(' or ')
  if (schema.type === 'array') return `[${shapeOf(schema.items ?? {})}]`
  if (schema.type === 'object') return objectShape(schema)
  return schema.format ?? schema.type ?? 'anything'
}

function objectShape({ properties = {}, required = [], additionalProperties }: Schema): string {
  const named = Object.entries(properties).map(
    ([name, value]) => `"${name}"${required.includes(name) ? '' : '?'}: ${shapeOf(value)}`,
  )
  const others = typeof additionalProperties === 'object' ? additionalProperties : undefined
  if (others !== undefined && Object.keys(others).length > 0) return `{name: ${shapeOf(others)}}`
  return `{${[...named, ...(others === undefined ? [] : ['…'])].join(', ')}}`
}

/** What is said of fields, by their names; those of what is inside after that around it. */
export function fieldsOf(given: object, around = ''): [name: string, what: string][] {
  const schema = given as Schema
  if (schema.items !== undefined) return fieldsOf(schema.items, around)
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => [
    ...(value.description === undefined ? [] : [[`${around}${name}`, value.description] as [string, string]]),
    ...fieldsOf(value, `${around}${name}.`),
  ])
}
