/** The corpus of innocents, each from an IPv6 prefix that is suspect: some are held for a moment, nobody is locked out; an offender is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CASES, GATE, GATE6, gateAsks } from '../support/corpus.ts'
import { install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { OPEN } from '../support/innocents.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const SIX = CASES.filter(({ six }) => six)

/** Sixteen lines of the innocent's own /48, a closed port each. */
const scanBeside = (source: string) =>
  Array.from({ length: 16 }, (_, i) => ({
    source: source.replace(/::7$/, `:${(0x1000 + 256 * i).toString(16)}::7`),
    destination: GATE6,
    tcp: 60_000 + i,
  }))

test('no innocent is locked out for living in a suspect prefix; an offender there is', async () => {
  await using world = await makeWorld()
  const [gate, others] = [await world.host('gate'), await world.host('others')]
  await world.link(gate, others, {
    a: [`${GATE}/24`, `${GATE6}/64`],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await gate.route('default', '192.0.2.9')
  await gate.route('::/0', '2001:db8:1::9')
  await serve(
    gate,
    ...OPEN.tcp.map(port => `tcp:${port}` as const),
    ...OPEN.udp.map(port => `udp:${port}` as const),
  )
  using flypaperd = install(gate, 'closed = "listening"\n[promotion]\nper_second = 0')
  const daemon = await flypaperd.start()
  await gateAsks(gate)
  await send(others, { bursts: SIX.map(({ source }) => scanBeside(source)), wait: 0 })
  const prefixes = SIX.map(({ element }) => element)
  await eventually('all of them are suspect', async () => {
    const suspect = await listed(gate, 'flypaper_suspect_48')
    return prefixes.every(prefix => suspect.includes(prefix))
  })
  await lockoutsOf(daemon, 16 * SIX.length)

  await gate.must(['conntrack', '-F'])
  const { answers } = await send(others, { bursts: SIX.map(({ packets }) => packets) })
  await sleep(500)
  const flies = await listed(gate, 'flypaper6')
  const held = (await listed(gate, 'flypaper_hold6')).filter(element => prefixes.includes(element))
  assert.deepEqual(
    SIX.filter(({ element }) => flies.includes(element)).map(({ name }) => name),
    [],
  )
  for (const { name, source, element, answered } of SIX) {
    if (answered === undefined || held.includes(element)) continue
    const kinds = answers.filter(({ destination }) => destination === source).map(({ kind }) => kind)
    assert.ok(kinds.includes(answered), `${name}: ${kinds}`)
  }
  assert.ok(held.length > 0 && held.length < SIX.length / 2, `${held.length} of ${SIX.length} are held`)

  const offender = { source: SIX[0]!.source.replace(/::7$/, ':ff::7'), destination: GATE6, tcp: 81 }
  await send(others, { bursts: [[offender]], wait: 0 })
  await daemon.says(new RegExp(`lockout ${offender.source.replace(/::7$/, '::/64')}`))
})
