/** This machine, read for a proof. Changes nothing: ip(8) and nft(8) are asked to list. */
import { createHash } from 'node:crypto'
import type * as z from 'zod'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import { Addresses, LIVE_SYSCTLS, Links, type Live, machineFrom, Routes } from '../prove/live.ts'
import type { Innocent } from '../prove/machine.ts'
import { SERVICES_MAX, type Service } from '../prove/scans.ts'
import { readText } from './files.ts'
import { ask, readRules, rulesNow } from './live-rules.ts'
import { connections, waitingSockets } from './sockets.ts'

/** Hosts that are connected now and are visited as innocents. */
const INNOCENTS_MAX = 50

/** Throws a Failure: 69 where ip or nft is missing or refuses, or where the machine has no address. */
export async function readLive(): Promise<Live> {
  const services = servicesNow()
  const innocents = innocentsNow(services)
  const [links, addresses, four, six, rules, { setsLeft, ...firewall }] = await Promise.all([
    json(Links, '-d', 'link'),
    json(Addresses, 'addr'),
    json(Routes, '-4', 'route'),
    json(Routes, '-6', 'route'),
    Promise.all(['-4', '-6'].map(async family => JSON.parse(await ask('ip', '-j', family, 'rule')).length)),
    readRules(),
  ])
  const machine = machineFrom({
    links,
    addresses,
    routes: [...four, ...six],
    routingRules: rules[0],
    ...firewall,
    sysctls: Object.fromEntries(
      LIVE_SYSCTLS.map(path => [path, textOf(`/proc/sys/${path}`)]).filter(([, value]) => value !== ''),
    ),
    services: services.slice(0, SERVICES_MAX),
    innocents,
  })
  const more = [
    ...(setsLeft > 0 ? [`Sets and maps: what is in ${setsLeft} of them.`] : []),
    ...(services.length > SERVICES_MAX ? [`Services: ${services.length - SERVICES_MAX} more listen.`] : []),
    ...(innocents.length === INNOCENTS_MAX
      ? [`Hosts that are connected now, but for ${INNOCENTS_MAX}.`]
      : []),
  ]
  return { machine: { ...machine, missing: [...machine.missing, ...more] }, look }
}

async function look(): Promise<string> {
  const texts = await Promise.all([
    rulesNow(),
    ask('ip', '-o', 'link'),
    ask('ip', '-o', 'addr'),
    ask('ip', '-4', 'route'),
    ask('ip', '-6', 'route'),
  ])
  // What addresses and routes of DHCP and router advertisements have left goes down by itself.
  const lasting = texts.join('\0').replace(/ \d+sec\b/g, '')
  return createHash('sha256').update(lasting).digest('hex')
}

async function json<T>(shape: z.ZodType<T>, ...args: readonly string[]): Promise<T> {
  return shape.parse(JSON.parse((await ask('ip', '-j', ...args)) || '[]'))
}

function textOf(path: string): string {
  const read = readText(path)
  return 'text' in read ? read.text.trim() : ''
}

/** What waits for strangers: not at loopback, and of UDP no port of a client. */
function servicesNow(): Service[] {
  const found = new Map<string, Service>()
  for (const [protocol, number] of [
    ['tcp', 6],
    ['udp', 17],
  ] as const)
    waitingSockets(number, ({ local, localPort: port }) => {
      if (!isLoopback(local) && port > 0) found.set(`${protocol}/${port}`, { protocol, port })
      return true
    })
  return [...found.values()].sort((one, other) => one.port - other.port)
}

function innocentsNow(services: readonly Service[]): Innocent[] {
  const served = new Map(services.flatMap(one => (one.protocol === 'tcp' ? [[one.port, one] as const] : [])))
  const found = new Map<string, Innocent>()
  connections(({ local, localPort, remote }) => {
    const service = served.get(localPort)
    if (service === undefined || isLoopback(local)) return true
    const address = remote.length === 4 ? formatIPv4(remote, 0) : formatIPv6(remote, 0)
    found.set(`${address} ${localPort}`, {
      address: address.replace(/^::ffff:/, ''),
      service,
      who: 'connected now:',
    })
    return found.size < INNOCENTS_MAX
  })
  return [...found.values()]
}

function isLoopback(address: Uint8Array): boolean {
  const four = address.length === 4 ? address : isMapped(address) ? address.subarray(12) : undefined
  if (four !== undefined) return four[0] === 127
  return address.subarray(0, 15).every(byte => byte === 0) && address[15] === 1
}

function isMapped(address: Uint8Array): boolean {
  return address.subarray(0, 10).every(byte => byte === 0) && address[10] === 255 && address[11] === 255
}
