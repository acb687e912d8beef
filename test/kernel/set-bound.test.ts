/**
 * A set that packets fill keeps its size while the daemon takes elements out of it, those among them that are gone:
 * docs/decisions/0039-the-bound-of-a-set.md.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GATE, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { watchSizes } from '../support/set-sizes.ts'
import { loadTrap, put } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const SIZE = 1000
const SOURCES = 16_000
const GAP_US = 30
const HELD_BUT_CLOSED = 9
const OPEN = 22

/** Takes out of both sets who is in them and who is not, again and again, until its input ends. */
const REMOVER = `
const { openFirewall } = await import(${JSON.stringify(new URL('../../src/system/firewall.ts', import.meta.url))})
using firewall = openFirewall()
let isOver = false
process.stdin.on('end', () => { isOver = true }).resume()
console.log('removing')
let rounds = 0
for (let i = 0; !isOver; i++) {
  const source = '10.1.0.' + (i % 256)
  const gone = '10.9.0.' + (i % 256)
  firewall.change([{ change: 'remove', set: 'flypaper_hold', elements: [{ element: source }, { element: gone }] }])
  firewall.change([{ change: 'remove', set: 'flypaper_pending', elements: [{ element: source }, { element: gone }] }])
  rounds++
  await new Promise(resolve => setTimeout(resolve, 5))
}
console.log(rounds)`

test('who is taken out of a full set takes nothing of its bound with him', async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '10.1.0.0/16')
  await serve(gate, `tcp:${OPEN}`)
  await loadTrap(gate, `closed = "unaccepted"\nboot_grace = "0s"\nsizes.hold = ${SIZE}`)
  await gate.nft(
    `table inet theirs {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}`,
  )
  const sizes = await watchSizes(gate, 'flypaper_hold', 'flypaper_pending')
  const remover = await gate.start([process.execPath, '--input-type=module', '-e', REMOVER])
  await remover.says(/^removing$/)
  const flood = (tcp: number, net: number) =>
    Array.from({ length: SOURCES }, (_, i) => ({
      source: `10.1.${net + (i >> 8)}.${i & 255}`,
      destination: GATE,
      tcp,
    }))
  await send(scanner, { bursts: [flood(HELD_BUT_CLOSED, 0)], gap: GAP_US })
  await send(scanner, { bursts: [flood(OPEN, 128)], gap: GAP_US })
  // No packet comes any more: the kernel refuses what does not fit.
  await assert.rejects(
    put(gate, 'flypaper_hold', ...Array.from({ length: SIZE }, (_, i) => `10.200.${i >> 8}.${i & 255}`)),
    /Too many open files/,
  )
  remover.closeInput()
  const { code, stdout, stderr } = await remover.ended
  assert.equal(code, 0, stderr)
  const { looks, most } = await sizes()
  t.diagnostic(
    `${stdout.trim().split('\n').at(-1)} removals, ${looks} looks, at most ${JSON.stringify(most)}`,
  )
  assert.deepEqual(most, { flypaper_hold: SIZE, flypaper_pending: SIZE })
})
