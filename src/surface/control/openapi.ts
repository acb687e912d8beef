/** The table of endpoints as OpenAPI 3.1, whose schemas are JSON Schema, which zod writes. */
import * as z from 'zod'
import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts'
import { ErrorAnswer } from './protocol.ts'
import { rolesWith } from './roles.ts'

export function openApi(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'flypaperd',
      version: '1',
      description:
        'The control protocol of flypaperd: HTTP over the unix socket /run/flypaperd/control.sock, and over those of roles that may ask for less: x-sockets names them.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://localhost', description: 'The host name does not matter: the socket does.' }],
    paths: Object.fromEntries(
      Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => [
        endpoint.path,
        { [endpoint.method.toLowerCase()]: operation(name, endpoint) },
      ]),
    ),
  }
}

function operation(name: string, { what, request, query, answer, example }: Endpoint): object {
  return {
    operationId: name,
    summary: what,
    'x-sockets': rolesWith(name as EndpointName).map(({ socket }) => socket),
    ...(query !== undefined && {
      parameters: Object.entries(query.shape).map(([name, schema]) => {
        const { description, ...json } = schemaOf(schema, 'input') as { description?: string }
        const isNeeded = !schema.safeParse(undefined).success
        return { name, in: 'query', required: isNeeded, ...(description && { description }), schema: json }
      }),
    }),
    ...(request !== undefined && {
      requestBody: {
        required: !request.safeParse({}).success,
        content: { 'application/json': { schema: schemaOf(request), ...(example && { example }) } },
      },
    }),
    responses: {
      200: { description: 'Done.', content: content(answer) },
      400: failure('The request is wrong: nothing was done.'),
      403: failure('This socket does not take it: nothing was done. The text names the socket that does.'),
      500: failure('It could not be done; the text says why.'),
    },
  }
}

function content(answer: Endpoint['answer']): object {
  if (!('type' in answer) || answer instanceof z.ZodType) {
    return { 'application/json': { schema: schemaOf(answer as z.ZodType) } }
  }
  return { [answer.type]: { schema: answer.line === undefined ? {} : schemaOf(answer.line) } }
}

function failure(description: string): object {
  return { description, content: { 'application/json': { schema: schemaOf(ErrorAnswer) } } }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'output'): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io })
  return json
}
