/** Nexthop objects (linux/nexthop.h), which routes may name instead of a gateway, alone or as a group of them. */
import { eachAttribute, type Visit } from './dump.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'

export interface Nexthop {
  /** Index of the interface; 0 when it has none. */
  readonly device: number
  /** 4 or 16 bytes. */
  readonly gateway: Uint8Array | undefined
}

export interface Nexthops {
  /** Takes an answer to RTM_GETNEXTHOP. */
  readonly read: Visit
  /** What this object leads to: itself, or those of its group. */
  hopsOf(id: number): readonly Nexthop[]
  all(): Iterable<Nexthop>
  /** There were more than are kept. */
  readonly isCut: boolean
}

/** Objects that are kept, groups among them. */
export const NEXTHOPS_MAX = 65_536
/** struct nhmsg. */
const NHMSG = 8
const NHA = { id: 1, group: 2, blackhole: 4, device: 5, gateway: 6, fdb: 11 }
/** struct nexthop_grp: its id (32 bits), its weight, and what is reserved. */
const GROUP_ENTRY = 8

export function openNexthops(): Nexthops {
  const singles = new Map<number, Nexthop>()
  const groups = new Map<number, readonly number[]>()
  let isCut = false
  return {
    read(view, at, end) {
      let [id, device, isNoRoute] = [0, 0, false]
      let gateway: Uint8Array | undefined
      const members: number[] = []
      eachAttribute(view, at + NHMSG, end, (type, value, size) => {
        if (type === NHA.id && size === 4) id = view.getUint32(value, HOST_LITTLE_ENDIAN)
        else if (type === NHA.device && size === 4) device = view.getUint32(value, HOST_LITTLE_ENDIAN)
        else if (type === NHA.gateway && (size === 4 || size === 16))
          gateway = new Uint8Array(view.buffer, view.byteOffset + value, size).slice()
        else if (type === NHA.blackhole || type === NHA.fdb) isNoRoute = true
        else if (type === NHA.group)
          for (let entry = value; entry + GROUP_ENTRY <= value + size; entry += GROUP_ENTRY)
            members.push(view.getUint32(entry, HOST_LITTLE_ENDIAN))
      })
      if (id === 0 || isNoRoute) return true
      if (singles.size + groups.size >= NEXTHOPS_MAX && !singles.has(id) && !groups.has(id)) isCut = true
      else if (members.length > 0) groups.set(id, members)
      else singles.set(id, { device, gateway })
      return true
    },
    hopsOf: id => (groups.get(id) ?? [id]).flatMap(member => singles.get(member) ?? []),
    all: () => singles.values(),
    get isCut() {
      return isCut
    },
  }
}
