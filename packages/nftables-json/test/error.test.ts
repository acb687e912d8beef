import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorFrom } from '../src/error.ts'

/** First lines as libnftables 1.0.6 wrote them, but for musl's words. */
const SEEN = {
  'internal:0:0-0: Error: Could not process rule: File exists': 'exists',
  'Error: No such file or directory; did you mean table ‘t’ in family inet?': 'missing',
  'internal:0:0-0: Error: Could not process rule: Too many open files in system': 'set-full',
  'internal:0:0-0: Error: Could not process rule: Device or resource busy': 'busy',
  'Error: Could not process rule: Resource busy': 'busy',
  'Error: Could not process rule: Operation not permitted (you must be root)': 'no-permission',
  'netlink: Error: cache initialization failed: Operation not permitted': 'no-permission',
  'netlink: Error: Could not process rule: Message too long': 'too-large',
  'Error: Could not process rule: Operation not supported': 'unsupported',
  'Error: Could not process rule: Not supported': 'unsupported',
  'internal:0:0-0: Error: Could not resolve hostname: Address family for hostname not supported': 'refused',
  'internal:0:0-0: Error: interval overlaps with an existing one': 'refused',
  'Error: syntax error, unexpected newline, expecting string': 'refused',
} as const

test('each message has its code, and is kept whole', () => {
  for (const [line, code] of Object.entries(SEEN)) {
    const error = errorFrom(`${line}\n\n\n`)
    assert.deepEqual([error.code, error.text, error.message], [code, line, line])
  }
})

test('what the next lines quote of the input does not decide', () => {
  const error = errorFrom('Error: syntax error\nadd rule t c comment "File exists"\n    ^^^\n')
  assert.equal(error.code, 'refused')
  assert.match(error.text, /File exists/)
})

test('no message at all is still an error', () => {
  assert.equal(errorFrom('').code, 'refused')
})
