/** Name servers of files that do not answer: a pipe that nobody writes to, whose opening hangs. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openResolvers } from '../../src/system/resolvers.ts'
import { eventually } from '../support/eventually.ts'
import { PATIENCE } from '../support/process.ts'

test('what files of name servers say is known; while one hangs nobody waits for long, and the last answer counts; then it is read again', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [one, other, missing] = ['one', 'other', 'missing'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(one, '# ours\nnameserver 192.0.2.53\nnameserver no address\n')
  writeFileSync(other, 'search example\nnameserver 2001:db8::53\n')
  const resolvers = openResolvers({ files: [one, missing, other], patience: 1000 * PATIENCE })
  assert.deepEqual(resolvers.known(), [])
  await resolvers.reread()
  assert.deepEqual([resolvers.known(), resolvers.remarks()], [['192.0.2.53', '2001:db8::53'], []])

  rmSync(other)
  execFileSync('mkfifo', [other])
  await resolvers.reread()
  assert.deepEqual(resolvers.known(), ['192.0.2.53', '2001:db8::53'])
  assert.match(
    resolvers.remarks().join(),
    /other does not answer: the name servers that it named before count/,
  )
  const began = performance.now()
  await resolvers.reread()
  assert.ok(performance.now() - began < 500 * PATIENCE, 'nobody waits a second time')

  const late = openResolvers({ files: [other], patience: 100 })
  await late.reread()
  assert.match(late.remarks().join(), /other does not answer: its name servers are not known/)

  const text = 'nameserver 198.51.100.53\n'
  writeFileSync(other, text) // For whoever has it open.
  rmSync(other)
  writeFileSync(other, text)
  await eventually('it answers', async () => {
    await resolvers.reread()
    return resolvers.remarks().length === 0
  })
  await resolvers.reread()
  assert.deepEqual(resolvers.known(), ['192.0.2.53', '198.51.100.53'])
})
