/**
 * A capture file becomes a script: whom the trap protects, what is sent from which side, which ports are open, and what cannot be
 * played. Pure and total.
 */
import type { Tried } from '../decode/packet.ts'
import type { Service } from '../prove/scans.ts'
import { type Fault, readCaptureFile } from './capture-file.ts'
import { mended } from './datagram.ts'
import { type Flows, openFlows } from './flows.ts'
import { openPorts } from './ports.ts'
import {
  HOSTS_MAX,
  isGroup,
  isHost,
  type Left,
  nothingLeft,
  packetIn,
  type Traffic,
  trafficOf,
} from './traffic.ts'

/** Packets that are played, and their bytes; what is beyond is counted. */
export const PACKETS_MAX = 20_000
export const BYTES_MAX = 67_108_864
/** Addresses that one protected host has. */
export const OWN_MAX = 16

export interface Line {
  /** Of the file, from 1. */
  readonly number: number
  /** Milliseconds since the first packet of the file. */
  readonly at: number
  /** Whether the protected host sent it. */
  readonly isOut: boolean
  readonly bytes: Buffer
  readonly source: string
  readonly tried: Tried | undefined
}

export interface Script {
  /** The addresses of the protected host. */
  readonly own: readonly string[]
  readonly lines: readonly Line[]
  readonly packets: { readonly in: number; readonly out: number }
  /** Who sent it something. */
  readonly hosts: number
  /** Ports of it that answered. */
  readonly services: readonly Service[]
  /** Those beyond LISTENERS_MAX. */
  readonly unheard: number
  /** The range of the ports from which it calls others: Linux' own, or wider where it called by TCP from another. */
  readonly callsFrom: { readonly least: number; readonly most: number }
  readonly flows: Flows
  readonly left: Left
  readonly fragments: number
  /** Of which the file has not all: their data are zeros. */
  readonly made: number
  /** Most checksums of what came in were wrong: all are made anew. */
  readonly isOffloaded: boolean
  /** The busiest host of those packets that are left out as `elsewhere`. */
  readonly other: { readonly host: string; readonly packets: number } | undefined
  readonly fault: Fault | undefined
}

/** Why a file cannot be played: a sentence without its full stop. */
export interface Unplayable {
  readonly unplayable: string
}

/** @param as the addresses of the protected host; empty: the busiest */
export function scriptOf(file: Buffer, as: readonly string[]): Script | Unplayable {
  const traffic = trafficOf(file)
  if (traffic.fault?.isRefused) return { unplayable: traffic.fault.why }
  const busiest = traffic.busiest()
  if (busiest === undefined)
    return { unplayable: `no host in it can be played${nothingBecause(traffic.left, traffic.frames)}` }
  const own = as.length > 0 ? as : [busiest]
  const missing = own.every(address => !traffic.has(address))
  if (missing) return { unplayable: `${own.join(', ')} is not in it; the busiest is ${busiest}` }
  const script = played(file, own, traffic)
  const others = script.other === undefined ? '' : `; try --as ${script.other.host}`
  if (script.packets.in > 0) return script
  return { unplayable: `nothing comes to ${own.join(', ')} in it, so nobody could stick${others}` }
}

function nothingBecause(left: Left, frames: number): string {
  if (frames === 0) return ': it has no packets'
  const links = [...left.links.keys()]
  if (links.length > 0) return `: the link type ${links.join(', ')} is not understood`
  return `: of ${frames} packets ${left.notIp} are not IP, ${left.cut} are cut off in their headers, ${left.damaged} are damaged; the others are of loopback or of no host`
}

function played(file: Buffer, own: readonly string[], { fault }: Traffic): Script {
  const left = nothingLeft()
  const lines: Line[] = []
  const ports = openPorts()
  const flows = openFlows()
  const [hosts, others] = [new Set<string>(), new Map<string, number>()]
  const sums = { sound: 0, wrong: 0 }
  let [bytes, fragments, made, last] = [0, 0, 0, 0]
  let began: number | undefined
  readCaptureFile(file, frame => {
    began ??= frame.at
    last = Math.max(last, (frame.at ?? 0) - (began ?? 0))
    const packet = packetIn(frame, left)
    if (packet === undefined) return
    const { source, destination, tried, isFragment } = packet
    const isOut = own.includes(source)
    if (!isOut && !own.includes(destination) && !isGroup(destination)) {
      left.elsewhere += 1
      for (const host of [source, destination])
        if (others.size < HOSTS_MAX || others.has(host)) others.set(host, (others.get(host) ?? 0) + 1)
      return
    }
    if (lines.length === PACKETS_MAX || bytes + packet.bytes.length > BYTES_MAX) {
      left.beyond += 1
      return
    }
    if (isFragment) fragments += 1
    if (packet.isMade) made += 1
    if (!isOut && packet.isSound !== undefined) sums[packet.isSound ? 'sound' : 'wrong'] += 1
    if (!isOut && hosts.size < HOSTS_MAX) hosts.add(source)
    if (tried !== undefined) {
      flows.see(isOut ? destination : source, tried, isOut)
      ports.see(tried, isOut)
    }
    bytes += packet.bytes.length
    lines.push({ number: frame.number, at: last, isOut, bytes: packet.bytes, source, tried })
  })
  // Where most are wrong, a network card was to fill them in: nobody sent them so. The kernel looks at those that come in.
  const isOffloaded = sums.wrong > sums.sound
  const out = lines.filter(({ isOut }) => isOut).length
  const [other] = [...others].filter(([host]) => isHost(host)).sort(([, a], [, b]) => b - a)
  return {
    own,
    lines: isOffloaded
      ? lines.map(line => (line.isOut ? line : { ...line, bytes: mended(line.bytes) }))
      : lines,
    packets: { in: lines.length - out, out },
    hosts: hosts.size,
    ...ports.all(),
    flows,
    left,
    fragments,
    made,
    isOffloaded,
    other: other && { host: other[0], packets: other[1] },
    fault,
  }
}
