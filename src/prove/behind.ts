/** Who is behind a machine that forwards: a stand-in answers in the place of hosts of one of its networks. Pure. */
import { type Address, covers, parseAddress, prefixAround, prefixBetween } from '../terms/address.ts'
import { familyOf, type Machine, type MachineAddress } from './machine.ts'
import type { Service } from './scans.ts'

/** A port at which this machine sends connections to another host. */
export interface Published {
  readonly service: Service
  readonly to: string
  readonly toPort: number
}

export interface Behind {
  /** The interface of the machine by which they are reached. */
  readonly device: string
  readonly hosts: readonly BehindHost[]
  readonly services: readonly Service[]
}

interface BehindHost {
  readonly address: string
  /** The machine's own address there. */
  readonly gateway: string
}

/** Ports of others that are scanned, and visited by clients. */
export const PUBLISHED_MAX = 20
/** Of IPv6 nft puts brackets where a port follows. */
const TO = String.raw`(?:(?:\[([\da-fA-F:]+)\]|([\d.]+))(?::(\d{1,5}))?|([\da-fA-F]*:[\da-fA-F:]+))(?:\s|$)`
/** `tcp dport 8080 dnat to 10.0.0.5:80`: a rule of one port and one host, as nft lists it and as iptables-save does. */
const RULES = [
  new RegExp(String.raw`\b(tcp|udp) dport (\d{1,5}) .*\bdnat (?:ip6? )?to ${TO}`),
  new RegExp(String.raw`-p (tcp|udp) .*--dport (\d{1,5}) .*-j DNAT --to-destination ${TO}`),
]

const TRANSLATES = /\bdnat (?:ip6? )?to\b|-j DNAT\b/

/** Whether there are rules of another form: of maps, ranges, or no port at all. */
export function isHalfPublished(rules: string): boolean {
  return rules.split('\n').some(line => TRANSLATES.test(line) && !RULES.some(rule => rule.test(line)))
}

/** @param rules of nft, and of iptables */
export function publishedIn(rules: string): Published[] {
  const found = new Map<string, Published>()
  for (const line of rules.split('\n')) {
    const [, protocol, port, six, four, toPort, bare] = RULES.map(rule => rule.exec(line)).find(Boolean) ?? []
    const to = parseAddress(six ?? four ?? bare ?? '')
    if (protocol === undefined || to === undefined) continue
    const service = { protocol: protocol as Service['protocol'], port: Number(port) }
    const one = { service, to, toPort: Number(toPort ?? port) }
    found.set(`${protocol} ${port} ${familyOf(to)}`, one)
  }
  return [...found.values()]
}

/** Undefined where it forwards nothing, or has no other network. */
export function behindOf({
  uplink,
  links,
  addresses,
  sysctls,
  services,
  published = [],
}: Pick<Machine, 'uplink' | 'links' | 'addresses' | 'sysctls' | 'services' | 'published'>):
  | Behind
  | undefined {
  const forwards = {
    4: sysctls['net/ipv4/ip_forward'] === '1',
    6: sysctls['net/ipv6/conf/all/forwarding'] === '1',
  }
  const inner = addresses.filter(
    ({ device, address }) =>
      device !== uplink &&
      links.some(({ name, master }) => name === device && master === undefined) &&
      forwards[familyOf(address)],
  )
  const device = (inner.find(one => publishedTo(one, published).length > 0) ?? inner[0])?.device
  if (device === undefined) return undefined
  const own = inner.filter(one => one.device === device)
  const hosts = own.flatMap(one => {
    const there = publishedTo(one, published)
    return (there.length > 0 ? there : neighbourOf(one)).map(address => ({ address, gateway: one.address }))
  })
  const ports = published.map(({ service, toPort }) => ({ ...service, port: toPort }))
  return hosts.length === 0 ? undefined : { device, hosts, services: distinct([...services, ...ports]) }
}

/** Its end of the cable is called by its place among the links. */
export function behindLines({ hosts }: Behind, link: string): string[] {
  const gateways = new Map(hosts.map(({ gateway }) => [familyOf(gateway), gateway]))
  return [
    `link set ${link} up`,
    ...hosts.map(({ address }) =>
      address.includes(':')
        ? `address add ${address}/128 dev ${link} nodad`
        : `address add ${address}/32 dev ${link}`,
    ),
    ...[...gateways.values()].map(gateway => `route add default via ${gateway} dev ${link} onlink`),
  ]
}

/** All that strangers may reach by an address of the machine. */
export function openOf({ services, published = [] }: Pick<Machine, 'services' | 'published'>): Service[] {
  return distinct([...services, ...published.map(({ service }) => service)])
}

function distinct(services: readonly Service[]): Service[] {
  return [...new Map(services.map(one => [`${one.protocol} ${one.port}`, one])).values()]
}

function publishedTo({ address, length }: MachineAddress, published: readonly Published[]): string[] {
  const network = prefixAround(address as Address, length)
  return [
    ...new Set(
      published.flatMap(({ to }) => (to !== address && covers(network, parsedPrefix(to)) ? to : [])),
    ),
  ]
}

function neighbourOf({ address, length }: MachineAddress): string[] {
  const { first, last, family } = prefixAround(address as Address, length)
  return [first + 1n, first + 2n]
    .filter(number => number < last)
    .map(number => prefixBetween(number, number, family).text)
    .filter(text => text !== address)
    .slice(0, 1)
}

function parsedPrefix(address: string) {
  return prefixAround(address as Address, familyOf(address) === 6 ? 128 : 32)
}
