/** What passes by while one version takes over from another: scanners, a fly that knocks, clients; and what became of them. */
import assert from 'node:assert/strict'
import type { Running } from './process.ts'
import { send } from './sender.ts'
import { askSet } from './set-elements.ts'
import type { Host } from './world.ts'

export const GATE = '192.0.2.1'
export const OPEN = 22
const CLOSED = 81
const SCANNERS = 40

export interface Traffic {
  /** Ends it, and tells. Throws for whoever was answered and should not have been, or the other way round. */
  end(): Promise<Passed>
}

export interface Passed {
  /** Those that tried a closed port, and then the open one. */
  readonly scanners: readonly string[]
  readonly connections: number
}

/** Sources that nobody has used, of 198.18.0.0/15. */
let used = 0
export const fresh = () => `198.${18 + (++used >> 16)}.${(used >> 8) & 255}.${used & 255}`

/** A client that connects again and again, and is greeted each time. */
const CLIENT = `
const { connect } = require('node:net')
let isOver = false
process.stdin.on('end', () => { isOver = true }).resume()
const greeted = () => new Promise((resolve, reject) => {
  const socket = connect({ host: process.argv[1], port: ${OPEN}, timeout: 10_000 })
  socket.on('data', () => resolve(socket.end())).on('error', reject).on('timeout', () => reject(new Error('no greeting')))
})
console.log('connecting')
let connections = 0
for (; !isOver; connections++) {
  await greeted()
  await new Promise(resolve => setTimeout(resolve, 10))
}
console.log(connections)`

/** From now on, until it is ended. `gate` is the client's way to the gate. */
export async function traffic(
  hosts: { gate: Host; scanner: Host; client: Host },
  { fly, gate }: { fly: string; gate: string },
): Promise<Traffic> {
  const client = await hosts.client.start([
    process.execPath,
    '--input-type=commonjs',
    '-e',
    `(async () => {${CLIENT}})()`,
    gate,
  ])
  await client.says(/^connecting$/)
  let isOver = false
  const scanning = scan(hosts, fly, () => isOver)
  scanning.catch(() => {})
  return {
    async end() {
      isOver = true
      const scanners = await scanning
      return { scanners, connections: await connectionsOf(client) }
    },
  }
}

async function connectionsOf(client: Running): Promise<number> {
  client.closeInput()
  const { code, stdout, stderr } = await client.ended
  assert.equal(code, 0, `the client was not greeted: ${stderr}`)
  return Number(stdout.trim().split('\n').at(-1))
}

const to = (source: string, tcp: number) => ({ source, destination: GATE, tcp })

/** Round after round, each with scanners of its own: nobody is answered but whoever asks for the open port alone. */
async function scan(
  { gate, scanner }: { gate: Host; scanner: Host },
  fly: string,
  isOver: () => boolean,
): Promise<string[]> {
  const all: string[] = []
  do {
    const honest = fresh()
    const sources = Array.from({ length: SCANNERS }, fresh)
    const knocks = sources.map(source => [to(source, CLOSED), to(source, OPEN), to(fly, OPEN)])
    const { answers } = await send(scanner, { bursts: [...knocks, [to(honest, OPEN)]], pause: 5000 })
    const answered = answers.map(({ destination, kind }) => `${destination}: ${kind}`)
    assert.deepEqual(answered, [`${honest}: syn-ack`])
    await areStuck(gate, sources)
    all.push(...sources)
  } while (!isOver())
  return all
}

/** Whoever is not held any more is locked out. */
async function areStuck(gate: Host, elements: readonly string[]): Promise<void> {
  const held = await askSet(gate, { set: 'flypaper_hold', elements })
  const stuck = await askSet(gate, { set: 'flypaper', elements })
  const free = elements.filter(source => !(source in held.until) && !(source in stuck.until))
  assert.deepEqual(free, [], 'neither held nor locked out')
}

/** Each tries a closed port once. Tells who. */
export async function offend(
  scanner: Host,
  gate: Host,
  sources: readonly string[] = Array.from({ length: SCANNERS }, fresh),
): Promise<readonly string[]> {
  await send(scanner, { bursts: sources.map(source => [to(source, CLOSED)]), wait: 0 })
  await areStuck(gate, sources)
  return sources
}
