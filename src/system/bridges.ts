/** The networks of containers and virtual machines, by the names that their managers give to bridges. */
import { networkInterfaces } from 'node:os'
import type { Bridge } from '../doctor/facts.ts'
import { overlaps, parseAddress, parsePrefix, prefixAround } from '../terms/address.ts'

const NAMES = /^(docker|br-|virbr|podman|cni|lxcbr|lxdbr|incusbr)/
const LINK_LOCAL = parsePrefix('fe80::/10')!

export function findBridges(interfaces = networkInterfaces()): readonly Bridge[] {
  return Object.entries(interfaces)
    .filter(([name]) => NAMES.test(name))
    .flatMap(([name, addresses = []]) =>
      addresses.flatMap(({ address, cidr }) => {
        const parsed = parseAddress(address.replace(/%.*/, ''))
        if (parsed === undefined || cidr === null) return []
        const prefix = prefixAround(parsed, Number(cidr.split('/')[1]))
        return overlaps(prefix, LINK_LOCAL) ? [] : { name, prefix }
      }),
    )
}
