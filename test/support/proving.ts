/** Machines for `prove`, which namespaces play, and what it says of them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Installation } from './daemon.ts'
import { FLYPAPERD } from './programs.ts'
import type { Host, World } from './world.ts'

/** Somebody who is connected. */
export const GUEST = '203.0.113.5'
export const GUEST6 = '2001:db8:77::5'

export async function machine(world: World, addresses: readonly string[], gateways: readonly string[]) {
  const [host, around] = [await world.host('machine'), await world.host('around')]
  const names = { a: 'eth0', b: 'eth0' }
  await world.link(host, around, { a: addresses, b: gateways, names })
  for (const gateway of gateways)
    await host.route(gateway.includes(':') ? '::/0' : '0.0.0.0/0', gateway.split('/')[0]!)
  await around.must(['ip', 'address', 'add', `${GUEST}/32`, 'dev', 'lo'])
  await around.must(['ip', 'address', 'add', `${GUEST6}/128`, 'dev', 'lo'])
  return { host, around }
}

/** All of a machine that a clone could change or leave behind. */
export function leftBy(host: Host): Promise<string> {
  return host.must(['sh', '-c', 'nft list ruleset; ip addr; ip route; ls /run /dev/shm'])
}

/** A client that stays connected. */
export async function stayConnected(around: Host, from: string, to: string, port: number): Promise<void> {
  const guest = await around.start([process.execPath, '-e', STAY, from, to, String(port)])
  await guest.says(/connected/)
}

const STAY = `const [localAddress, host, port] = process.argv.slice(1)
require('node:net').connect({ host, port, localAddress }).on('data', () => console.log('connected'))`

/** @param main the program; this one unless told */
export function command({ directory }: Installation, main: string = FLYPAPERD): string[] {
  return [process.execPath, main, 'prove', '--json', '--settings', join(directory, 'flypaperd.toml')]
}

export interface Told {
  readonly code: number
  readonly kept: boolean
  readonly scans: readonly {
    readonly scan: string
    readonly family: number
    readonly control: readonly string[]
    readonly found: readonly string[]
    readonly controlAnswers: number
    readonly answers: number
    readonly stuckAt?: number
    readonly isLeak: boolean
  }[]
  readonly bursts: readonly { readonly family: number; readonly isLeak: boolean }[]
  readonly clients: readonly {
    readonly who: string
    readonly service: string
    readonly control: string
    readonly trapped?: string
    readonly isStuck: boolean
    readonly isHurt: boolean
  }[]
  readonly missing: readonly string[]
}

/** What `prove` says of it; nothing of it may have changed. */
export async function proofOf(host: Host, flypaperd: Installation, main?: string): Promise<Told> {
  const look = async () => {
    const all = 'nft -t list ruleset; ip -o link; ip -o addr; ip route; ip -6 route'
    return (await host.must(['sh', '-c', all])).replace(/ \d+sec\b/g, '')
  }
  const before = await look()
  const { code, stdout, stderr } = await host.run(command(flypaperd, main), { timeout: 120_000 })
  assert.ok(code <= 1, stderr)
  assert.equal(await look(), before)
  return { code, ...JSON.parse(stdout) }
}

export function foundBy(scan: string, { scans }: Told) {
  return scans.filter(one => one.scan === scan).map(({ family, control, found }) => [family, control, found])
}

export function leaksIn({ scans, bursts }: Told): string[] {
  const ofBursts = bursts.map(burst => ({ scan: 'burst', ...burst }))
  return [...scans, ...ofBursts].filter(({ isLeak }) => isLeak).map(({ scan, family }) => `${scan} ${family}`)
}

export function hurtIn({ clients }: Told) {
  return clients
    .filter(({ isHurt }) => isHurt)
    .map(({ who, service, isStuck }) => `${who} ${service}${isStuck ? ' stuck' : ''}`)
}
