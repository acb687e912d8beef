/** Flows whose answer is held back on the way out: those of ports that are to be silent. */
import { host } from './matches.ts'
import { each, type Key, type Put, type Rule } from './rule.ts'

/** As conntrack has it, before any translation; an ICMP error has that of the packet which it answers. */
export const originalFlow: Key = [
  { address: 'saddr', as: 'host', original: true },
  'ct original proto-src',
  'ct original proto-dst',
]

/** Does it to the flow as it was before any translation, of TCP and UDP: nft types its ports by the protocol. */
export function ofFlow(verb: Put['put']): readonly Rule[] {
  return each([['meta l4proto tcp'], ['meta l4proto udp']], {
    put: verb,
    set: 'flypaper_stray',
    key: originalFlow,
  })
}

/** The flow as the packet names it. */
export function flowOfPacket(verb: Put['put']): Put {
  return { put: verb, set: 'flypaper_stray', key: [host('saddr'), 'th sport', 'th dport'] }
}
