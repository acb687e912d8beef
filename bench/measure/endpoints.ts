/** What the worst caller of each endpoint costs: how long the event loop stands still, and how much memory it takes. */
import { chmodSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { NAME_HOSTS_MAX } from '../../src/settings/host-names.ts'
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointName,
  queryText,
} from '../../src/surface/control/endpoints.ts'
import { PAUSE_MAX, WHO_MAX } from '../../src/surface/control/protocol.ts'
import { CONTROL_CONNECTIONS_MAX } from '../../src/surface/control/server.ts'
import { WATCHERS_MAX } from '../../src/surface/control/watchers.ts'
import { type Installation, install } from '../../test/support/daemon.ts'
import type { Running } from '../../test/support/process.ts'
import { harass } from '../../test/support/readers.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { unit } from '../support/packaged.ts'
import { makeStage } from '../support/stage.ts'
import { forgetPeak, peak, resident } from '../support/usage.ts'

const ADDRESS = '@flypaperd-bench-endpoints'
/** Two milliseconds from one sign of life to the next: what is longer is a standstill. */
const WATCHDOG_USEC = '4000'
/** Prints when each sign of life came, in milliseconds since the epoch. */
const LISTENER = `
use strict; use Socket; use Time::HiRes 'time'; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, '${ADDRESS}' =~ s/^@/\\0/r)) or die $!;
print "listening\\n";
while (defined recv($socket, my $datagram, 4096, 0)) { printf "%.1f\\n", time * 1000 }
`
const FLIES = 100_000
const ORDERS = 4
/** Some places are left free: to a full house whoever comes costs another his place. */
const CALLERS = CONTROL_CONNECTIONS_MAX - 8
/** Of an ordinary user, who mean harm; and for how long. */
const READERS = 64
const READING_MS = 3000
/** How long nobody asks anything, to know what the machine itself does. */
const CONTROL_MS = 2000
/** What is left to be done has so long. */
const AFTERWARDS_MS = 1000

const NAME = 'home.example.net'

/** The worst that can be asked, by the number of the request; undefined: it ends the daemon, once. */
const WORST: Record<EndpointName, ((n: number) => object | '') | undefined> = {
  status: () => '',
  health: () => '',
  // The last of them ends it.
  pause: n => ({ seconds: n === ORDERS - 1 ? 0 : PAUSE_MAX, by: 'bench' }),
  lock: n => ({ lockouts: hosts(FLIES / WHO_MAX + n).map(who => ({ who })), by: 'bench' }),
  // Who is no fly may have been put into the set by hand, and has to be looked for there.
  free: n => ({ who: hosts(5000 + n), by: 'bench' }),
  // Nobody fits: all that one answer may look through. Others ask for other things, so nobody gets the answer of another.
  list: n => ({ past: 'true', until: String(n + 1) }),
  why: n => ({ who: hosts(5000)[n]! }),
  report: n => ({ since: String(n) }),
  never: () => '',
  neverAdd: n => ({ who: hosts(6000 + n), seconds: 3600, by: 'bench' }),
  neverRemove: n => ({ who: hosts(6000 + n), by: 'bench' }),
  flush: () => ({ by: 'bench' }),
  testify: n => ({
    // Private ones are refused at once.
    testimony: hosts(6000 + n).map(who => ({ who: who.replace(/^10/, '11'), seconds: 600 })),
    author: 'bench',
  }),
  withdraw: n => ({ who: hosts(6000 + n), author: 'bench' }),
  forget: n => ({ who: hosts(7000 + n), by: 'bench' }),
  reload: () => ({ by: 'bench' }),
  names: n => ({ name: NAME, hosts: hosts(5000 + n).slice(0, NAME_HOSTS_MAX), ttl: 60 }),
  confirm: () => '',
  events: () => '',
  metrics: () => '',
  openapi: () => '',
  leave: undefined,
  stop: undefined,
}

/** Nearly as many callers as there may be ask at the same time, but of orders four, with 100,000 flies. One that is refused is an error. */
export async function endpoints({ scale }: Effort): Promise<Figure[]> {
  await using stage = await makeStage()
  const listener = await stage.gate.start(['perl', '-e', LISTENER])
  await listener.says(/^listening$/)
  const { main, options } = unit()
  const env = { NODE_OPTIONS: options, NOTIFY_SOCKET: ADDRESS, WATCHDOG_USEC }
  using flypaperd = install(stage.gate, `capture = "log"\nnames = ["${NAME}"]\n`, { main, env })
  const daemon = await flypaperd.start()
  const path = join(flypaperd.directory, 'control.sock')
  for (let n = 0; n < (FLIES * scale) / WHO_MAX; n++)
    await ask(path, 'lock', { lockouts: hosts(n).map(who => ({ who })), by: 'bench' })
  await sleep(AFTERWARDS_MS)
  const flies = await fliesIn(flypaperd)
  if (flies < FLIES * scale) throw new Error(`only ${flies} flies were locked out`)

  const measured = { daemon, listener }
  const nobody = await costOf(measured, () => sleep(CONTROL_MS))
  const figures: Figure[] = []
  for (const [name, worst] of Object.entries(WORST)) {
    if (worst === undefined) continue
    const cost = await costOf(measured, () => allAtOnce(path, name as EndpointName, worst))
    const { method, path: url } = ENDPOINTS[name as EndpointName]
    figures.push(...figuresOf(`${method} ${url}`, cost, nobody))
  }
  chmodSync(flypaperd.directory, 0o755)
  for (const manner of ['pipeline', 'storm'] as const) {
    const cost = await costOf(measured, async () => {
      const readers = await harass(stage.gate, join(flypaperd.directory, 'metrics.sock'), manner, READERS)
      await sleep(READING_MS)
      await readers.stop('SIGTERM')
    })
    figures.push(...figuresOf(`the metrics socket, ${READERS} readers in a ${manner}`, cost, nobody))
  }
  return figures
}

function figuresOf(what: string, cost: Cost, nobody: Cost): Figure[] {
  const beside = (key: keyof Cost) => [{ name: 'nobody', runs: [nobody[key]] }]
  return [
    { what: `${what}: longest standstill`, unit: 'ms', runs: [cost.ms], beside: beside('ms') },
    { what: `${what}: memory at its peak`, unit: 'MB', runs: [cost.megabytes], beside: beside('megabytes') },
  ]
}

async function fliesIn(flypaperd: Installation): Promise<number> {
  return JSON.parse(await flypaperd.must('status', '--json')).daemon.counts.lockouts
}

interface Measured {
  readonly daemon: Running
  readonly listener: Running
}

interface Cost {
  readonly ms: number
  readonly megabytes: number
}

async function costOf({ daemon, listener }: Measured, work: () => Promise<unknown>): Promise<Cost> {
  forgetPeak(daemon.pid)
  const [before, began] = [resident(daemon.pid), Date.now()]
  await work()
  await sleep(100)
  const signs = listener
    .output()
    .split('\n')
    .map(Number)
    .filter(at => at > began)
  const gaps = signs.map((at, i) => at - (signs[i - 1] ?? began))
  const cost = { ms: Math.max(...gaps), megabytes: Math.max(0, peak(daemon.pid) - before) / 1e6 }
  await sleep(AFTERWARDS_MS)
  return cost
}

/** The answers of those who watch and do not read. */
const watching: IncomingMessage[] = []

async function allAtOnce(path: string, name: EndpointName, worst: (n: number) => object | ''): Promise<void> {
  // Orders are carried out one after the other: some show what one costs.
  const isOneByOne = ['order', 'reading', 'apart'].includes(ENDPOINTS[name].turn)
  const length = name === 'events' ? WATCHERS_MAX : isOneByOne ? ORDERS : CALLERS
  await Promise.all(Array.from({ length }, (_, n) => ask(path, name, worst(n))))
  // No watcher reads; others are locked out meanwhile.
  if (name === 'events') for (let n = 0; n < 20; n++) await ask(path, 'lock', WORST.lock!(1000 + n))
  for (const response of watching.splice(0)) response.destroy()
}

/** Resolves when the whole answer is there, and of events when they have begun; rejects when it is a refusal, or none. */
function ask(socketPath: string, name: EndpointName, body: object | ''): Promise<void> {
  const { method, path: bare, query }: Endpoint = ENDPOINTS[name]
  const path = query === undefined ? bare : `${bare}?${queryText(body as object)}`
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, response => {
      if (response.statusCode !== 200)
        textOf(response).then(text => reject(new Error(`${name}: ${response.statusCode} ${text}`)), reject)
      else if (name === 'events') {
        watching.push(response.pause().on('error', () => {})) // It is broken off by us.
        resolve()
      } else response.resume().on('end', resolve).on('error', reject)
    })
    asked.on('error', error => reject(new Error(`${name}: ${error.message}`)))
    asked.end(body === '' || query !== undefined ? undefined : JSON.stringify(body))
  })
}

/** A thousand hosts, others for each number. */
function hosts(n: number): string[] {
  return Array.from({ length: WHO_MAX }, (_, i) => {
    const host = n * WHO_MAX + i
    return `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`
  })
}
