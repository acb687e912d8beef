/**
 * Hosts that are known by a name of the settings, as whoever looks names up outside has told. They are in the kernel's sets of known clients,
 * whose members are known in the packet itself: each for some minutes, renewed as long as the name has it. What traffic of their own has put there
 * stays when the name goes elsewhere. docs/decisions/0082-names.md
 */
import { presentSets } from '../arm/firewall.ts'
import { type NamedElements, namedElements } from '../arm/met.ts'
import { openAlarm } from '../log/alarm.ts'
import { NAME_SECONDS_MAX } from '../settings/host-names.ts'
import { type Address, overlaps, parseAddress, parsePrefix, prefixAround } from '../terms/address.ts'
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { elementOf } from '../terms/fly.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'
import { freeNamed } from './named-free.ts'
import type { Policy } from './policy.ts'

/** The kernel knows a host for half of what a client is known, at most: who has more left is known by traffic of his own. */
const ELEMENT_SECONDS = 300
/** So often within that time it is renewed: one time may fail. */
const TIMES = 3

export interface NamedHost {
  readonly name: string
  readonly hosts: readonly Address[]
  /** When they are forgotten, in seconds of the world's clock. */
  readonly end: number
}

export interface NamedHosts {
  /** At most NAMES_MAX, those of the settings. */
  readonly names: Map<string, NamedHost>
  /** Elements that the kernel has by a name, and until when each is known by its own traffic, in seconds of the world's clock. */
  readonly placed: Map<Address, number>
  /** What was said last of what was refused, by the name. */
  readonly refused: Map<string, string>
  /** How each name tells of its changes. */
  readonly told: Map<string, (message: string) => void>
  /** When the history was asked whether a fly of each name is let go, in seconds of the world's clock. */
  readonly freed: Map<string, readonly number[]>
}

export function openNamedHosts(): NamedHosts {
  return { names: new Map(), placed: new Map(), refused: new Map(), told: new Map(), freed: new Map() }
}

export interface NamedAnswer {
  /** Whoever is known by the name now. */
  readonly known: readonly Address[]
  readonly refused: readonly { readonly host: string; readonly why: string }[]
}

/** Puts these hosts in place of those that the name had. Where all of them are refused, it keeps those for as long as was told before. */
export function nameHosts(daemon: Daemon, { name, hosts, seconds }: InputOf<'name'>): NamedAnswer {
  const { state, world } = daemon
  const { named, policy } = state
  if (!policy.settings.names.includes(name)) throw unknownName(daemon, name)
  const { good, refused } = sorted(hosts, policy)
  tellRefused(daemon, name, refused)
  const before = named.names.get(name)?.hosts ?? []
  if (good.length > 0 || hosts.length === 0) {
    if (good.length === 0) named.names.delete(name)
    else
      named.names.set(name, { name, hosts: good, end: world.clock() + Math.min(seconds, NAME_SECONDS_MAX) })
    const fresh = good.filter(host => !before.includes(host))
    if (fresh.length > 0 || good.length < before.length) {
      tellChange(daemon, name, good)
      freeNamed(daemon, name, fresh)
    }
  }
  daemon.namedClock.now()
  return { known: named.names.get(name)?.hosts ?? [], refused }
}

/** Forgets what is over, and brings the kernel's sets into line; tells in how many seconds that is due again. */
export function renewNamed(daemon: Daemon): number | undefined {
  const { state, world } = daemon
  const { named, policy } = state
  forgetOver(daemon)
  const { names, placed } = named
  if (names.size === 0 && placed.size === 0) return undefined
  const wanted = new Set(
    [...names.values()].flatMap(({ hosts }) => hosts.map(host => elementFor(policy, host))),
  )
  const seconds = Math.min(ELEMENT_SECONDS, Math.max(1, Math.floor(policy.settings.known / 2)))
  const elements = namedElements(presentSets(world.firewall), [...new Set([...wanted, ...placed.keys()])])
  const left = noteOwn(elements, placed, { seconds, now: world.clock() })
  const isOurs = (element: Address) => (left.get(element) ?? 0) <= seconds
  leave(elements, placed, {
    gone: [...placed.keys()].filter(one => !wanted.has(one)),
    isOurs,
    now: world.clock(),
  })
  for (const element of wanted) if (!placed.has(element)) placed.set(element, 0)
  const due = [...wanted].filter(isOurs)
  if (due.length > 0 && !elements.keep(due, seconds))
    daemon.alarms.lasting(
      'the set of known clients is full, so not every host of `names` is known: raise known under [sizes]',
    )
  return names.size === 0 ? undefined : seconds / TIMES
}

/** What the settings name, and who is known by it now; `until` in milliseconds since the epoch. */
export function namedNow({ state, world }: Daemon): { name: string; hosts: Address[]; until?: number }[] {
  return state.policy.settings.names.map(name => {
    const found = state.named.names.get(name)
    if (found === undefined || found.end <= world.clock()) return { name, hosts: [] }
    return {
      name,
      hosts: [...found.hosts],
      until: Math.round(world.now() + 1000 * (found.end - world.clock())),
    }
  })
}

function elementFor({ near }: Policy, host: Address): Address {
  return elementOf(near.nameFly(host)).element as Address
}

/** Whoever has more time left than a name gives is known by his own traffic, until then. */
function noteOwn(
  elements: NamedElements,
  placed: Map<Address, number>,
  { seconds, now }: { readonly seconds: number; readonly now: number },
): ReadonlyMap<Address, number> {
  const left = elements.left()
  for (const [element, rest] of left)
    if (rest > seconds || !placed.has(element))
      placed.set(element, Math.max(placed.get(element) ?? 0, now + rest))
  return left
}

/** No name has them any more: they keep what their own traffic gave them. */
function leave(
  elements: NamedElements,
  placed: Map<Address, number>,
  {
    gone,
    isOurs,
    now,
  }: { readonly gone: readonly Address[]; readonly now: number; isOurs(element: Address): boolean },
): void {
  const rest = (element: Address) => Math.floor((placed.get(element) ?? 0) - now)
  const ours = gone.filter(isOurs)
  for (const element of ours.filter(one => rest(one) >= 1)) elements.keep([element], rest(element))
  elements.remove(ours.filter(one => rest(one) < 1))
  for (const element of gone) placed.delete(element)
}

function forgetOver(daemon: Daemon): void {
  const { state, world } = daemon
  const { named, policy } = state
  for (const [name, { end }] of named.names) {
    const isNamed = policy.settings.names.includes(name)
    if (isNamed && end > world.clock()) continue
    named.names.delete(name)
    const why = isNamed
      ? 'nobody has looked it up for as long as its answer counts'
      : 'the settings do not name it any more'
    world.log.info(`names: no host is known as ${name} any more: ${why}`)
  }
  for (const memory of [named.refused, named.told, named.freed])
    for (const name of memory.keys()) if (!policy.settings.names.includes(name)) memory.delete(name)
}

const NO_HOSTS = (
  [
    ['0.0.0.0/8', 'is unspecified'],
    ['127.0.0.0/8', 'is a loopback address'],
    ['169.254.0.0/16', 'is link-local'],
    ['224.0.0.0/4', 'is multicast'],
    ['240.0.0.0/4', 'is reserved'],
    ['::', 'is unspecified'],
    ['::1', 'is a loopback address'],
    ['fe80::/10', 'is link-local'],
    ['ff00::/8', 'is multicast'],
  ] as const
).map(([text, why]) => ({ prefix: parsePrefix(text)!, why }))

interface Sorted {
  readonly good: readonly Address[]
  readonly refused: NamedAnswer['refused']
}

/** Private addresses are taken: they may be behind a tunnel. */
function sorted(hosts: readonly string[], { near }: Policy): Sorted {
  const good = new Set<Address>()
  const refused: { host: string; why: string }[] = []
  for (const host of hosts) {
    const address = parseAddress(host)
    const why = address === undefined ? notOne(host) : notTaken(address, near)
    if (why === undefined) good.add(address!)
    else refused.push({ host, why })
  }
  return { good: [...good], refused }
}

function notOne(host: string): string {
  return parsePrefix(host) === undefined ? 'is no address' : 'is a prefix, and a name has hosts alone'
}

function notTaken(address: Address, near: Policy['near']): string | undefined {
  const found = NO_HOSTS.find(({ prefix }) =>
    overlaps(prefix, prefixAround(address, prefix.family === 4 ? 32 : 128)),
  )
  return found?.why ?? (near.owns(address) ? 'is an address of this machine' : undefined)
}

/** One that flaps is told once a minute, and how often; of none the others lose a line. */
function tellChange({ state, world }: Daemon, name: string, hosts: readonly Address[]): void {
  const { told } = state.named
  if (!told.has(name)) told.set(name, openAlarm({ error: world.log.info }, world.now, 'changes'))
  const what =
    hosts.length === 0
      ? 'no host is known by it any more'
      : `${hosts.join(', ')} ${hosts.length === 1 ? 'is' : 'are'} known`
  told.get(name)!(`names: ${name} has changed: ${what}`)
}

/** The same refusal comes again and again, with the last good answer between: it is told once, until there is another. */
function tellRefused({ state, world }: Daemon, name: string, refused: NamedAnswer['refused']): void {
  const text = refused.map(({ host, why }) => `${escapeText(host)} ${why}`).join('; ')
  if (text === '' || text === state.named.refused.get(name)) return
  state.named.refused.set(name, text)
  world.log.warn(`names: of ${name} is not taken: ${text}`)
}

function unknownName({ alarms }: Daemon, name: string): Failure {
  const sentence = `${escapeText(name)} does not stand under names in the settings`
  alarms.named(`names: refused, since ${sentence}`)
  return new Failure(sentence, { exit: EXIT.usage })
}

export interface NamedClock extends Disposable {
  /** Renews at once. */
  now(): void
}

/** Renews in time, while there is a name. */
export function openNamedClock(
  renew: () => number | undefined,
  failed: (error: unknown) => void,
): NamedClock {
  /** Until it is tried again. */
  const AGAIN_SECONDS = 10
  let timer: NodeJS.Timeout | undefined
  let isOver = false

  function now(): void {
    if (isOver) return
    clearTimeout(timer)
    let seconds: number | undefined = AGAIN_SECONDS
    try {
      seconds = renew()
    } catch (error) {
      failed(error)
    }
    if (seconds !== undefined) timer = setTimeout(now, seconds * 1000).unref()
  }

  return {
    now,
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}
