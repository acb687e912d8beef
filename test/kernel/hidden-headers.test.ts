/** Whoever hides what he wants behind long IPv6 headers sticks as whoever does not; whose headers are honest is read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

/** More than is copied of a packet. */
const LONG = 256
const CLOSED = 9001

for (const closed of ['listening', 'unmatched']) {
  test(`closed = ${closed}: headers longer than what is copied of a packet`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '2001:db8:2::/48')
    await serve(gate, 'tcp:22')
    if (closed === 'unmatched')
      await gate.nft(`table inet filter {
        chain flypaper_input { }
        chain input { type filter hook input priority filter; policy drop
          ct state established,related accept
          meta l4proto icmpv6 accept
          tcp dport 22 accept
          jump flypaper_input
        }
      }`)
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"`)
    const daemon = await flypaperd.start()
    const tries = async (source: string, tcp: number, options: number) => {
      const { answers } = await send(scanner, { bursts: [[{ source, destination: GATE6, tcp, options }]] })
      return answers.map(({ kind }) => kind)
    }
    assert.deepEqual(
      await tries('2001:db8:2:1::7', 22, LONG),
      ['syn-ack'],
      'to an open port it is no offence',
    )
    assert.deepEqual(await tries('2001:db8:2:2::7', CLOSED, LONG), [])
    await daemon.says(/lockout 2001:db8:2:2::\/64, who tried protocol 60/)
    assert.match(await flypaperd.must('why', '2001:db8:2:2::7'), /hide what it wanted/)
    assert.deepEqual(await tries('2001:db8:2:2::7', 22, 0), [])
    assert.deepEqual(await tries('2001:db8:2:3::7', CLOSED, 64), [], 'honest headers are read')
    await daemon.says(new RegExp(`lockout 2001:db8:2:3::/64, who tried TCP-port ${CLOSED}`))
    assert.deepEqual(await tries('2001:db8:2:4::7', 22, 0), ['syn-ack'], 'the control')
    assert.equal(lockouts(daemon).length, 2)
  })
}
