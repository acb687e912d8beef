/** A world for the daemon in which everything happens because a test does it: no kernel, and a clock whose hands the test moves. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from '../../src/arm/bound.ts'
import type { Called, Surroundings } from '../../src/arm/surroundings.ts'
import { openTrap, type Trap } from '../../src/daemon/run.ts'
import type { World } from '../../src/daemon/world.ts'
import type { ChoiceFacts } from '../../src/doctor/choice.ts'
import { type History, openHistory } from '../../src/history/history.ts'
import { readingOf } from '../../src/history/reading.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { tolerantHistory } from '../../src/history/tolerant.ts'
import type { ForeignChange } from '../../src/keep/external-changes.ts'
import { openEvents } from '../../src/log/events.ts'
import type { Event } from '../../src/log/sentence.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { neverFilesNow } from '../../src/settings/never-files.ts'
import type { Folders } from '../../src/settings/sources.ts'
import { openClock } from '../../src/system/clock.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import type { Address } from '../../src/terms/address.ts'
import { addressKey } from '../../src/terms/address-bytes.ts'
import { elementOf, type Fly } from '../../src/terms/fly.ts'
import { facts } from '../doctor/facts.ts'
import { type FakeFirewall, fakeFirewall } from './fake-firewall.ts'
import { type FakeKernelSets, fakeKernelSets } from './fake-kernel-sets.ts'
import { fakeRing } from './fake-ring.ts'
import { fakePassing, fakeSockets } from './fake-sockets.ts'

export const BEGIN = Date.UTC(2026, 10, 24)
export const HOUR = 3_600_000
/** How long a first lockout lasts. */
export const FIRST = 600_000

const address = (text: string) => text as Address

/** A clock whose hands the test moves. */
function fakeTime() {
  const hands = { wall: BEGIN, boot: 1_000_000, awake: 1_000_000 }
  const clock = openClock({
    wall: () => hands.wall,
    boottime: () => hands.boot,
    monotonic: () => hands.awake,
  })
  let onSet = () => {}
  const time = {
    ...clock,
    watch(listener: () => void) {
      onSet = listener
      return { [Symbol.dispose]() {} }
    },
  }
  return { hands, time, noticed: () => onSet() }
}

/** An ordinary server, of which a test changes what it wants. */
function fakeMachine() {
  const here = {
    own: [address('192.0.2.1')],
    gateways: [address('192.0.2.254')],
    resolvers: [] as Address[],
    connected: [] as Address[],
    inUse: [] as Address[],
    talking: [] as Address[],
    called: [] as Called[],
    served: [[6, 22]] as [number, number][],
    bound: [] as Place[],
    uptime: 1_000_000,
    firstLocalPort: 32_768,
    doors: [] as [number, number][],
    devices: ['eth0'],
    remarks: [] as string[],
    firewall: facts() as Omit<ChoiceFacts, 'settings'>,
  }
  const surroundings: Surroundings = {
    reread: async () => {},
    rereadResolvers: async () => {},
    neighbourhood: () => {
      const { own, gateways, resolvers } = here
      return { own, gateways, resolvers, onLink6: [], links: [], inside: [] }
    },
    served: () => here.served,
    bound: () => here.bound,
    connected: () => here.connected,
    inUse: async ({ sticks }) => ({
      hosts: here.inUse,
      called: here.called.filter(([host]) => sticks(host)),
    }),
    talking: async wanted => new Set(here.talking.filter(host => wanted.has(addressKey(host)))),
    uplinks: () => ['eth0'],
    present: names => names.filter(name => here.devices.includes(name)),
    doors: () => here.doors,
    balances: () => false,
    forwards: () => false,
    firstLocalPort: () => here.firstLocalPort,
    localPorts: () => [here.firstLocalPort, 60_999],
    remarks: () => here.remarks,
    uptime: () => here.uptime,
  }
  return { here, surroundings }
}

/** What another program does to the table, announced as the kernel does. */
function othersOf(firewall: FakeFirewall, kernelSets: FakeKernelSets) {
  const announce = (op: ForeignChange['op'], fly: string, seconds?: number) => {
    const { set, element } = elementOf(fly as Fly)
    const elements = [{ element: element as Address, seconds }]
    kernelSets.announce([{ op, kind: 'element', name: set, elements }])
  }
  return {
    flushRuleset() {
      firewall.others.flushRuleset()
      kernelSets.announce([{ op: 'delete', kind: 'table', name: 'filter' }])
    },
    take(fly: string) {
      const { set, element } = elementOf(fly as Fly)
      firewall.others.delete(set, String(element))
      announce('delete', fly)
    },
    /** Changes rules of their own. */
    write: () => kernelSets.writeRules(),
    put(fly: string, seconds?: number) {
      const { set, element } = elementOf(fly as Fly)
      firewall.others.add(set, String(element), seconds)
      announce('new', fly, seconds)
    },
  }
}

/** Lists that never_files names, by their paths. */
function fakeFiles(now: () => number) {
  const files = new Map<
    string,
    { readonly text: string; readonly version: string; readonly written: number }
  >()
  const missing = { unreadable: 'missing', because: 'there is no such file' } as const
  let version = 0
  const folders: Folders = {
    list: path => ({ names: [...files.keys()].map(file => file.replace(path, '')) }),
    inspect(path) {
      const file = files.get(path)
      return file && { kind: 'file', owner: 0, isForeign: false, isOpen: false, ...file }
    },
  }
  const readText = (path: string) => files.get(path) ?? missing
  const lists = neverFilesNow(readText, folders)
  const here = {
    /** While it waits, nothing is read. */
    hang: undefined as Promise<void> | undefined,
    async version(named: readonly string[]) {
      await here.hang
      return lists.version(named)
    },
    async read(named: readonly string[]) {
      await here.hang
      return lists.read(named)
    },
    load: (toml: string) =>
      loadSettings('test', path => (path === 'test' ? { text: toml } : readText(path)), folders),
    write: (path: string, text: string) =>
      void files.set(path, { text, version: String(version++), written: now() }),
    remove: (path: string) => void files.delete(path),
  }
  return here
}

/** The file of the never-list by hand. */
function fakeNeverStore() {
  const disk = {
    /** Undefined: there is no such file. */
    text: undefined as string | undefined,
    /** What was set aside. */
    aside: [] as string[],
    /** Nothing is written or read while it waits. */
    hang: undefined as Promise<void> | undefined,
    /** Why nothing can be written. */
    refuses: undefined as string | undefined,
  }
  const found = () => (disk.text === undefined ? undefined : { text: disk.text })
  const port: World['neverStore'] = {
    read: () => (disk.hang === undefined ? found() : 'late'),
    async later() {
      await disk.hang
      return found()
    },
    async setAside() {
      disk.aside.push(disk.text ?? '')
      disk.text = undefined
      return 'aside'
    },
    async write(pieces) {
      await disk.hang
      if (disk.refuses !== undefined) throw new Error(disk.refuses)
      disk.text = [...pieces].join('')
    },
  }
  return Object.assign(disk, { port })
}

export function fakeWorld() {
  const { hands, time, noticed } = fakeTime()
  const { now } = time
  const { here, surroundings } = fakeMachine()
  const said: string[] = []
  const log = {
    info: (line: string) => void said.push(line),
    warn: (line: string) => void said.push(`warning: ${line}`),
    error: (line: string) => void said.push(`error: ${line}`),
  }
  const told: Event[] = []
  const events = openEvents(log, now)
  const tell = events.tell
  Object.assign(events, {
    tell(event: Event) {
      told.push(event)
      tell(event)
    },
  })
  const firewall = fakeFirewall({ now: () => hands.awake })
  const kernelSets = fakeKernelSets(firewall)
  const sockets = fakeSockets()
  const passing = fakePassing(firewall)
  const files = fakeFiles(now)
  const written: string[] = []
  const neverStore = fakeNeverStore()
  const ring = fakeRing(BEGIN)
  const disk = fragileHistory()
  const history = tolerantHistory(disk.open(), {
    log,
    now,
    isDamage: () => disk.isDamaged,
    renew: () => disk.open(),
  })
  const world: World = {
    firewall,
    kernelSets,
    surroundings,
    sockets,
    passingSets: passing,
    lookAtFirewall: () => here.firewall,
    neverFiles: files,
    neverStore: neverStore.port,
    history,
    reading: readingOf(history),
    forgetting: {
      forgetPage: async (...args) => history.forgetPage(...args),
      forgetNames: async (...args) => history.forgetNames(...args),
      scour: async () => history.scour(),
    },
    ring: ring.files,
    version: '0.0.0',
    stateFile: { write: async pieces => void written.push([...pieces].join('')), remove() {} },
    log: { ...log, where: undefined, lost: () => 0 },
    events,
    now,
    time,
    clock: () => (performance.now() + hands.awake) / 1000,
  }
  return {
    world,
    firewall,
    kernelSets,
    sockets,
    passing,
    history,
    here,
    said,
    told,
    /** What the state file held, oldest first. */
    written,
    ring,
    disk,
    files,
    neverStore,
    settings: (toml = '') => files.load(toml),
    open: (toml = ''): Trap => openTrap(world, files.load(toml)),
    pass(ms: number) {
      for (const hand of ['wall', 'boot', 'awake'] as const) hands[hand] += ms
    },
    /** The machine is suspended: sets do not count that time. */
    sleep(ms: number) {
      hands.wall += ms
      hands.boot += ms
      noticed()
    },
    /** Somebody sets the clock. */
    setClock(ms: number) {
      hands.wall += ms
      noticed()
    },
    now,
    /** Who is in the kernel's set, with the seconds left. */
    inKernel: (set = 'flypaper') => Object.fromEntries(firewall.elementsOf(set)),
    /** The events of a kind. */
    eventsOf: <K extends Event['event']>(kind: K) =>
      told.filter((event): event is Extract<Event, { event: K }> => event.event === kind),
    others: othersOf(firewall, kernelSets),
  }
}

/** A history in memory that can be damaged: then nothing is written, and the next one is empty. */
function fragileHistory() {
  const disk = {
    isDamaged: false,
    open(): History {
      disk.isDamaged = false
      const history = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
      const { add } = history
      return {
        ...history,
        add(lockouts) {
          if (disk.isDamaged) throw new Error('the database is damaged')
          add(lockouts)
        },
      }
    },
  }
  return disk
}

/** Waits until it is true; throws when that takes more than some seconds. */
export async function until(isTrue: () => boolean, what = String(isTrue)): Promise<void> {
  for (let patience = 1000; patience > 0; patience--) {
    if (isTrue()) return
    await sleep(5)
  }
  throw new Error(`never: ${what}`)
}

/** All that was begun in the background has had its turns. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}
