import assert from 'node:assert/strict'
import { parseSettings } from '../../src/settings/load.ts'
import { Failure } from '../../src/terms/failure.ts'

export interface Case {
  what: string
  text: string
  expected: string
}

/** What is said about a text, without its title. */
export function explained(text: string): string {
  try {
    parseSettings(text, '/etc/f.toml')
  } catch (error) {
    assert.ok(error instanceof Failure, `${error}`)
    assert.equal(error.exit, 78)
    return error.message.slice(error.message.indexOf('\n') + 1)
  }
  assert.fail('no mistake was found')
}
