/** Which prefixes lie on which links, as the routes say. Pure. */

import type { Link, OnLink, Routes } from 'nfnetlink'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import { type Prefix, parsePrefix } from '../terms/address.ts'

/** A shorter prefix is no link of hosts, but a way to the world: of a tunnel, or of a default route in many pieces. */
const SHORTEST = { 4: 8, 6: 16 } as const

/**
 * IPv6 prefixes on our links: there hosts stick one by one. Where everybody is on a link, the pieces of its way to the world are none: else each
 * stranger would have 2^64 addresses to try with.
 */
export function onLink6Of(routes: Pick<Routes, 'links' | 'toEverybody'>): readonly Prefix[] {
  const everybody = toEverybodyOf(routes)
  const six = routes.links.filter(
    ({ address, length, device }) =>
      address.length === 16 && length < 128 && (length >= 64 || !everybody.has(device)),
  )
  return inOrder(six.flatMap(link => prefixOf(link) ?? []))
}

/**
 * Prefixes that belong on one link, and by which nobody is reached who is anywhere else. One that lies on two links (a laptop by cable and by radio, two
 * VRFs) does not tell where its hosts are, and where everybody is on a link nobody belongs there.
 */
export function homesOf(routes: Pick<Routes, 'links' | 'toEverybody'>): readonly Home[] {
  const everybody = toEverybodyOf(routes)
  const homes = new Map<string, Home | undefined>()
  for (const link of routes.links) {
    const prefix = prefixOf(link)
    if (prefix === undefined || everybody.has(link.device)) continue
    homes.set(prefix.text, homes.has(prefix.text) ? undefined : { prefix, device: link.device })
  }
  return [...homes.values()].filter(home => home !== undefined)
}

export interface Home {
  readonly prefix: Prefix
  /** Index of the interface. */
  readonly device: number
}

/**
 * Prefixes inside of a machine that forwards: nobody is a gateway there, and who lives there sends all that he sends elsewhere through it. Not the
 * guests of this machine itself, who are on bridges without a wire.
 */
export function insideOf(
  routes: Pick<Routes, 'links' | 'toEverybody' | 'toGateways' | 'uplinks'>,
  links: readonly LinkKind[],
): readonly Prefix[] {
  const others = new Set([...routes.toGateways, ...routes.uplinks, ...guestBridgesOf(links)])
  return inOrder(homesOf(routes).flatMap(({ prefix, device }) => (others.has(device) ? [] : prefix)))
}

type LinkKind = Pick<Link, 'device' | 'kind' | 'master'>

/** The near ends of cables to network namespaces, and of virtual machines. */
const GUESTS = ['veth', 'netkit', 'tun', 'macvtap']

/** Bridges of which no port is a wire, a radio, or anything else that leads out of this machine; those without a port among them. */
function guestBridgesOf(links: readonly LinkKind[]): readonly number[] {
  const wired = new Set(
    links.filter(({ kind }) => kind === undefined || !GUESTS.includes(kind)).map(({ master }) => master),
  )
  return links
    .filter(({ kind, device }) => kind === 'bridge' && !wired.has(device))
    .map(({ device }) => device)
}

export function inOrder(prefixes: readonly Prefix[]): readonly Prefix[] {
  return [...new Map(prefixes.map(prefix => [prefix.text, prefix])).values()].sort((one, other) =>
    one.text < other.text ? -1 : 1,
  )
}

/** Links by which the whole world is reached without a gateway. */
function toEverybodyOf({ toEverybody, links }: Pick<Routes, 'links' | 'toEverybody'>): ReadonlySet<number> {
  return new Set([...toEverybody, ...links.filter(isWay).map(({ device }) => device)])
}

function isWay({ address, length }: OnLink): boolean {
  return length < SHORTEST[address.length === 4 ? 4 : 6]
}

/** Undefined for IPv4-mapped addresses, which are nobody's on the wire. */
function prefixOf({ address, length }: OnLink): Prefix | undefined {
  const text = address.length === 4 ? formatIPv4(address, 0) : formatIPv6(address, 0)
  const prefix = parsePrefix(`${text}/${length}`)
  return prefix?.family === (address.length === 4 ? 4 : 6) ? prefix : undefined
}
