/** The never-list wins, whatever way a lockout comes, and only for those who are on it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const NEVER = '198.18.7.7'
const OFFENDER = '198.18.7.8'
const NEVER6 = '2001:db8:2:7::7'
const NEIGHBOUR6 = '2001:db8:2:7::8'

test('sources of the never-list are neither held nor locked out, their neighbours are', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, `never = ["198.18.7.0/29", "198.18.7.7", "${NEVER6}"]`)
  const daemon = await flypaperd.start()

  const offences = [NEVER, OFFENDER].map(source => ({ source, destination: '192.0.2.1', tcp: 81 }))
  const offences6 = [NEVER6, NEIGHBOUR6].map(source => ({ source, destination: '2001:db8:1::1', tcp: 81 }))
  const first = await send(scanner, { bursts: [offences, offences6] })
  const refused = first.answers.filter(({ kind }) => kind === 'rst').map(({ destination }) => destination)
  assert.deepEqual(
    refused.sort(),
    [NEVER, NEVER6],
    'closed ports answer those who are never judged, as without us',
  )
  await daemon.says(new RegExp(`lockout ${OFFENDER},`))
  await daemon.says(new RegExp(`lockout ${NEIGHBOUR6},`))
  assert.deepEqual(lockouts(daemon), [OFFENDER, NEIGHBOUR6])
  for (const set of ['flypaper_hold', 'flypaper_hold6']) {
    assert.doesNotMatch(
      await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]),
      new RegExp(`${NEVER}|${NEVER6}`),
    )
  }

  // By hand, against the list: the set holds them, the kernel spares them all the same.
  await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper', `{ ${NEVER} }`])
  await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper6', '{ 2001:db8:2:7:: }'])
  const open = (packets: typeof offences) => packets.map(packet => ({ ...packet, tcp: 22 }))
  const { answers } = await send(scanner, { bursts: [open(offences), open(offences6)] })
  const answered = answers.filter(({ kind }) => kind === 'syn-ack').map(({ destination }) => destination)
  assert.deepEqual(answered.sort(), [NEVER, NEVER6])
})
