/**
 * Random scans, and meanwhile frees, flushes, reloads, kills: `npm run test:long`, ten minutes unless told, which
 * writes docs/long-test.md. After each round all is quiet, and the books must balance.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  addFates,
  CLOSED_PORTS,
  FATES,
  type Fates,
  offences,
  openBooks,
  type Reading,
  readDaemon,
  sumOf,
} from '../support/books.ts'
import { install } from '../support/daemon.ts'
import { LONG_SECONDS } from '../support/length.ts'
import { writeResult } from '../support/long-result.ts'
import type { Outgoing } from '../support/packets.ts'
import { PATIENCE } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
/** Small sets and a low limit, so that every fate is met. */
const SETTINGS =
  'capture = "log"\n[promotion]\nper_second = 20\nburst = 200\n[sizes]\nflypaper = 200\nhold = 32\n'
const RELOADED = `never = ["203.0.113.0/24"]\n${SETTINGS.replace('20\n', '40\n')}`
/** The last third is without changes of the daemon: one lives long enough to show whether it grows. */
const STEADY = 2 / 3

/** A daemon whose time was over, and what could not be read of its end. */
interface Change {
  readonly last: Reading
  /** Offences from before the last reading until the next daemon listened. */
  readonly atMost: number
}

test(`${LONG_SECONDS} seconds of scans, frees, flushes, reloads and kills: the books balance`, async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await serve(gate, 'tcp:22')
  await openBooks(gate)
  using flypaperd = install(gate, SETTINGS)
  let daemon = await flypaperd.start()
  let sources = 0
  let isReloaded = false

  /** A third of the sources have been here before; some try several ports at once, some an open one. */
  function randomScan(): Outgoing[] {
    return Array.from({ length: 50 + random(150) }, () => {
      const source = sourceOf(random(3) === 0 ? random(sources + 1) : sources++)
      const port = () => CLOSED_PORTS.first + random(CLOSED_PORTS.last - CLOSED_PORTS.first)
      const packet = (): Outgoing =>
        random(4) === 0
          ? { source, destination: GATE, udp: port() }
          : { source, destination: GATE, tcp: random(5) === 0 ? 22 : port() }
      return Array.from({ length: 1 + random(3) }, packet)
    }).flat()
  }

  /** The gate talks to somebody, who then tries a closed port: that is spared. */
  async function scanOfPeer(): Promise<Outgoing> {
    const peer = `198.19.255.${1 + random(250)}`
    await gate.must(['bash', '-c', `echo >/dev/udp/${peer}/9`])
    return { source: peer, destination: GATE, tcp: CLOSED_PORTS.first }
  }

  async function change(verb: 'start' | 'restart'): Promise<Change> {
    const from = await offences(gate)
    const last = await readDaemon(flypaperd)
    if (verb === 'start') {
      process.kill(last.pid, 'SIGKILL')
      await daemon.ended
      await sleep(random(500))
    }
    daemon = await flypaperd.start(verb)
    return { last, atMost: (await offences(gate)) - from }
  }

  const STEADY_DEEDS: Readonly<Record<string, () => Promise<unknown>>> = {
    nothing: async () => {},
    free: () => flypaperd.run('free', sourceOf(random(sources + 1))),
    flush: () => flypaperd.must('flush'),
    'flush by nft': () => gate.must(['nft', 'flush', 'set', 'inet', 'filter', 'flypaper']),
    'table deleted': async () => {
      await gate.must(['nft', 'delete', 'table', 'inet', 'filter'])
      await daemon.says(/armed again/)
    },
    reload: async () => {
      isReloaded = !isReloaded
      flypaperd.settings(isReloaded ? RELOADED : SETTINGS)
      await flypaperd.must('reload')
    },
  }
  const CHANGES: Readonly<Record<string, () => Promise<Change>>> = {
    kill: () => change('start'),
    restart: () => change('restart'),
  }

  /** When the kernel has handed over something of the scan, which may be of flies alone. */
  async function begun(before: number): Promise<void> {
    for (let patience = 40; (await offences(gate)) === before && patience > 0; patience--) await sleep(50)
  }

  /** Read when nobody scans, and all that was sent has been judged: when two readings are equal. */
  async function quiet(isComplete: (reading: Reading) => boolean): Promise<Reading> {
    let before = -1
    for (const deadline = Date.now() + 10_000 * PATIENCE; ; await sleep(200)) {
      const reading = await readDaemon(flypaperd)
      if ((isComplete(reading) && reading.read === before) || Date.now() > deadline) return reading
      before = reading.read
    }
  }

  const began = Date.now()
  const deeds: Record<string, number> = {}
  const steady: Reading[] = []
  const atWork: Reading[] = []
  let closed: Fates = { lockout: 0, again: 0, 'hold only': 0, overflow: 0, spared: 0 }
  let [lost, lostAtMost, missed, rounds] = [0, 0, 0, 0]
  let known = await quiet(() => true)
  let counted = await offences(gate)
  for (; Date.now() - began < LONG_SECONDS * 1000; rounds++) {
    const isSteady = Date.now() - began > LONG_SECONDS * 1000 * STEADY
    const scan = [...randomScan(), await scanOfPeer()]
    const scanning = send(scanner, { bursts: [scan], gap: 2000 + random(6000), wait: 0 })
    await begun(counted)
    await sleep(random(500))
    const changing = isSteady || random(3) > 0 ? undefined : oneOf(CHANGES)
    const [deed, act] = changing ?? oneOf(STEADY_DEEDS)
    deeds[deed] = (deeds[deed] ?? 0) + 1
    const result = await act()
    await scanning
    const now = await offences(gate)
    const handedOver = now - counted
    if (changing === undefined) {
      const reading = await quiet(({ read }) => read - known.read === handedOver)
      const missing = reading.missed - known.missed
      assert.equal(reading.read - known.read + missing, handedOver, `${deed}: read and handed over`)
      known = reading
    } else {
      const { last, atMost } = result as Change
      const reading = await quiet(() => true)
      const unread = handedOver - (last.read - known.read) - reading.read
      assert.ok(unread >= 0 && unread <= atMost, `${deed}: ${unread} lost, at most ${atMost}`)
      closed = addFates(closed, last.fates)
      missed += last.missed
      lost += unread
      lostAtMost += atMost
      assert.equal(sumOf(last.fates), last.read, `${deed}: exactly one fate each: ${JSON.stringify(last)}`)
      known = reading
    }
    assert.equal(sumOf(known.fates), known.read, `${deed}: exactly one fate each: ${JSON.stringify(known)}`)
    counted = now
    atWork.push(known)
    if (isSteady) steady.push(known)
  }

  const fates = addFates(closed, known.fates)
  const descriptors = atWork.map(reading => reading.descriptors)
  const memory = [steady.slice(0, steady.length / 2), steady.slice(steady.length / 2)].map(readings =>
    Math.round(median(readings.map(({ memoryMB }) => memoryMB))),
  )
  const result = {
    seconds: Math.round((Date.now() - began) / 1000),
    rounds,
    deeds,
    offences: counted,
    fates,
    missed: missed + known.missed,
    lost,
    lostAtMost,
    descriptors: [Math.min(...descriptors), Math.max(...descriptors)],
    memory,
  } as const
  t.diagnostic(JSON.stringify(result))
  assert.equal(sumOf(fates) + lost + result.missed, counted, 'every offence is exactly one of these')
  for (const fate of FATES) assert.ok(fates[fate] > 0, `the control: ${fate} was met`)
  assert.ok(Math.max(...descriptors) - Math.min(...descriptors) <= 3, `descriptors: ${descriptors}`)
  assert.ok(memory[1]! < memory[0]! * 1.5, `MB: ${memory}`)
  assert.deepEqual(await listed(), await inKernel(), 'history and kernel agree')
  if (LONG_SECONDS >= 300) writeResult(result)
  await daemon.stop()

  async function listed(): Promise<string[]> {
    const rows = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
    return rows.map(({ source }) => source).sort()
  }

  async function inKernel(): Promise<string[]> {
    const { nftables } = JSON.parse(
      await gate.must(['nft', '-j', 'list', 'set', 'inet', 'filter', 'flypaper']),
    )
    const elements = (nftables[1].set.elem ?? []) as { elem: { val: string } }[]
    return elements.map(({ elem }) => elem.val).sort()
  }
})

function sourceOf(n: number): string {
  return `198.${18 + ((n >> 16) & 1)}.${(n >> 8) & 255}.${n & 255}`
}

/** A whole number below. */
function random(below: number): number {
  return Math.floor(Math.random() * below)
}

function oneOf<T>(choices: Readonly<Record<string, T>>): [string, T] {
  const entries = Object.entries(choices)
  return entries[random(entries.length)]!
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0
}
