/** The sockets of the installed package: each group opens its own, and is refused there what its role has not. From the tables of both. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointName,
  queryText,
} from '../../../src/surface/control/endpoints.ts'
import { ROLES, type Role } from '../../../src/surface/control/roles.ts'
import { must } from '../../support/process.ts'
import type { Asked } from './role-child.ts'

const CHILD = new URL('role-child.ts', import.meta.url).pathname
const GROUPS = Object.values<Role>(ROLES).flatMap(({ group }) => group ?? [])

/** What changes nothing is asked of those who may, the others of those who may not. */
function asked({ socket }: Role, name: EndpointName): Asked {
  const { method, path, query, example = {} }: Endpoint = ENDPOINTS[name]
  const isQuery = query !== undefined
  return {
    socketPath: `/run/flypaperd/${socket}`,
    method,
    path: isQuery ? `${path}?${queryText(example)}` : path,
    body: method === 'POST' ? JSON.stringify(example) : '',
  }
}

async function answers(group: string, all: readonly Asked[]): Promise<readonly (number | string)[]> {
  const as = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--groups', group, '--no-new-privs', '--']
  const stdout = await must([...as, process.execPath, CHILD], {
    input: JSON.stringify(all),
    timeout: 120_000,
  })
  return JSON.parse(stdout)
}

export function roleTests(): void {
  const names = Object.keys(ENDPOINTS) as EndpointName[]
  for (const group of [...GROUPS, 'nogroup'])
    test(`the sockets, as a member of ${group}`, async () => {
      for (const role of Object.values<Role>(ROLES)) {
        const isOwn = role.group === group
        const wanted = names.filter(name => !role.may.includes(name) || ENDPOINTS[name].method === 'GET')
        const expected = wanted.map(name => (!isOwn ? 'EACCES' : role.may.includes(name) ? 200 : 403))
        const found = await answers(
          group,
          wanted.map(name => asked(role, name)),
        )
        assert.deepEqual(
          Object.fromEntries(wanted.map((name, i) => [name, found[i]])),
          Object.fromEntries(wanted.map((name, i) => [name, expected[i]])),
          role.socket,
        )
      }
    })
}
