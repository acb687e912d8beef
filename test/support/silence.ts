/** A gate with somebody outside and somebody behind it, and who was answered what. */
import type { Outgoing } from '../../src/prove/packets.ts'
import { send } from './sender.ts'
import type { Host, World } from './world.ts'

export const GATE = ['192.0.2.1', '2001:db8:1::1']
export const BEHIND = ['10.0.0.5', '2001:db8:10::5']

export async function hosts(world: World) {
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  const behind = await world.host('behind')
  await world.link(gate, sender, {
    a: [`${GATE[0]}/24`, `${GATE[1]}/64`],
    b: ['192.0.2.9/24', '2001:db8:1::9/64'],
  })
  await world.link(gate, behind, {
    a: ['10.0.0.1/24', '2001:db8:10::1/64'],
    b: [`${BEHIND[0]}/24`, `${BEHIND[1]}/64`],
  })
  await gate.forward()
  await gate.route('default', '192.0.2.9')
  await gate.route('::/0', '2001:db8:1::9')
  await behind.route('default', '10.0.0.1')
  await behind.route('::/0', '2001:db8:10::1')
  await sender.route('10.0.0.0/24', GATE[0]!)
  await sender.route('2001:db8:10::/64', GATE[1]!)
  for (const path of ['net/ipv4/icmp_ratelimit', 'net/ipv6/icmp/ratelimit']) await gate.sysctl(path, 0)
  return { gate, sender, behind }
}

let sources = 0
/** One packet each, from a source each that has sent nothing before; the kinds of the answers that came. */
export async function answersTo(
  sender: Host,
  targets: readonly string[],
  tries: readonly Partial<Outgoing>[],
) {
  const packets = targets.flatMap(destination =>
    tries.map(carries => {
      sources += 1
      const source = destination.includes(':') ? `2001:db8:51:${sources}::7` : `198.51.100.${sources}`
      return { source, destination, ...carries } as Outgoing
    }),
  )
  const { answers } = await send(sender, { bursts: packets.map(packet => [packet]) })
  const kinds = packets.map(({ source }) => answers.find(it => it.destination === source)?.kind ?? 'nothing')
  return { kinds, sources: packets.map(({ source }) => source.replace(/::7$/, '::/64')) }
}
