/** The innocents of innocents.ts as a test sends them: each case by each family, from a source of its own, and what must happen before. */

import type { Outgoing } from '../../src/prove/packets.ts'
import { ASKING, INNOCENTS, QUESTIONS } from './innocents.ts'
import { send } from './sender.ts'
import { listed } from './trap.ts'
import type { Host } from './world.ts'

export const GATE = '192.0.2.1'
export const GATE6 = '2001:db8:1::1'

/** Each case has a source of its own, so that whoever sticks tells which case it was. */
export const CASES = INNOCENTS.flatMap(({ name, answered, of }, i) => {
  const ends = [
    { source: `198.18.${i + 1}.7`, gate: GATE, six: false, element: `198.18.${i + 1}.7` },
    { source: `2001:db8:${i + 1000}::7`, gate: GATE6, six: true, element: `2001:db8:${i + 1000}::` },
  ]
  return ends.map(end => ({
    name: `${name}, ${end.six ? 'IPv6' : 'IPv4'}`,
    answered,
    ...end,
    packets: of(end),
  }))
})

/** The gate has asked a name server from many ports, and just now everybody in the neighbourhood. */
export async function gateAsks(gate: Host): Promise<void> {
  const servers = CASES.filter(({ name }) => /late answers of a name server/.test(name))
  const questions = servers.map(({ source, gate: asking }) =>
    QUESTIONS.map(from => ({ source: asking, destination: source, udp: 53, from })),
  )
  await send(gate, { bursts: questions, wait: 0 })
  await gateAsksEverybody(gate)
}

export async function gateAsksEverybody(gate: Host): Promise<void> {
  const question = { udp: 1900, from: ASKING }
  const bursts: Outgoing[][] = [
    [{ source: GATE, destination: '239.255.255.250', ...question }],
    [{ source: GATE6, destination: 'ff0e::c', ...question }],
  ]
  await send(gate, { bursts, wait: 0 })
}

/** Flies and held sources, with the set that they are in. */
export async function whoIsIn(gate: Host): Promise<string[]> {
  const sets = ['flypaper', 'flypaper6', 'flypaper_hold', 'flypaper_hold6']
  const all = await Promise.all(
    sets.map(async set => (await listed(gate, set)).map(element => `${set} ${element}`)),
  )
  return all.flat()
}
