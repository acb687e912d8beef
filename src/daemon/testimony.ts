/**
 * What other hosts and tools say of sources, and what they take back. Whom this machine has to do with, the kernel tells: its sets of peers and known
 * clients, conntrack and the sockets. Once for each request connections are read, on another thread; the sets are asked for each piece, in the same turn
 * in which it is locked out, and once more behind it. docs/decisions/0079-testimony.md
 */
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { commit } from '../lockout/commit.ts'
import { decision, leaving } from '../lockout/decide/decision.ts'
import { flyOf } from '../lockout/decide/lock.ts'
import type { Room } from '../lockout/decide/room.ts'
import { type Hearing, type Testified, testify, type Word, withdraw } from '../lockout/decide/testify.ts'
import { isOneHost, namesOf } from '../lockout/flies.ts'
import type { Testifier } from '../lockout/lockout.ts'
import { type Address, type Prefix, widen } from '../terms/address.ts'
import { elementOf, type Fly, setOf } from '../terms/fly.ts'
import { piecesOf } from '../terms/pieces.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import { bootGraceLeft } from './arming.ts'
import { type Daemon, isPaused } from './daemon.ts'
import type { InputOf } from './input.ts'
import { roomFor } from './lock-out.ts'
import type { World } from './world.ts'

/** Of so many it is asked in one turn: each costs the kernel some 15 microseconds a set. */
const PIECE = 128
/** To read all connections takes one part of the time in so many, at most. */
const REST = 5

const ACQUAINTED = [
  ['flypaper_peers', 'peer'],
  ['flypaper_known', 'known'],
] as const

/** Who is connected, for whoever asks again and again. */
export interface Living {
  /** Which of these hosts have a connection that lives now. Whoever asks too often waits. */
  among(hosts: readonly Prefix[]): Promise<readonly Address[]>
}

export function openLiving({ surroundings, clock }: Pick<World, 'surroundings' | 'clock'>): Living {
  let last: Promise<unknown> = Promise.resolve()
  let notBefore = Number.NEGATIVE_INFINITY

  async function read(hosts: readonly Prefix[]): Promise<readonly Address[]> {
    await wait(1000 * Math.max(0, notBefore - clock()))
    const began = clock()
    const wanted = prefixSet(hosts)
    const talking = await surroundings.talking(wanted)
    notBefore = clock() + (clock() - began) * REST
    return [...talking, ...surroundings.connected()]
  }

  return {
    among(hosts) {
      const reading = last.then(() => read(hosts))
      last = reading.catch(() => {})
      return reading
    },
  }
}

export async function hearTestimony(
  daemon: Daemon,
  { words, testifier }: InputOf<'testify'>,
): Promise<Testified> {
  const { tally, ended, living, state } = daemon
  const hosts = words.map(({ prefix }) => prefix).filter(isHost)
  const { nameFly } = state.policy.near
  const connected = hosts.length === 0 ? [] : await living.among(hosts.map(widened))
  const alive = new Set(connected.map(nameFly))
  // Whose time is over makes room once for all of them: that looks at all flies.
  const room = roomFor(daemon, words.length, daemon.world.now())
  const heard = { locked: [] as Fly[], kept: [] as Fly[], refused: [] as Testified['refused'][number][] }
  for (const piece of piecesOf(words, PIECE)) {
    if (ended.aborted) break
    const { locked, kept, refused } = hear(daemon, piece, testifier, { alive, room })
    heard.locked.push(...locked)
    heard.kept.push(...kept)
    heard.refused.push(...refused)
    await turn()
  }
  tally.testified(heard)
  return heard
}

function hear(
  daemon: Daemon,
  words: readonly Word[],
  testifier: Testifier,
  { alive, room }: { readonly alive: ReadonlySet<Fly>; readonly room: Room },
): Testified {
  const { state, world, ledger } = daemon
  const now = world.now()
  const { nameFly } = state.policy.near
  const names = words.map(({ prefix }) => prefix).filter(isHost)
  const met = acquaintedAmong(
    daemon,
    names.map(prefix => flyOf(prefix, nameFly)),
  )
  const acquaintance: Hearing['acquaintance'] = fly =>
    met.get(fly) ?? (alive.has(fly) ? 'connected' : undefined)
  const { decision: taken, ...told } = testify(
    words,
    testifier,
    { ...hearingOf(daemon, now), acquaintance, room },
    now,
  )
  const entered = new Set(commit(taken, ledger, now).map(({ source }) => source))
  // Who became known between the question and the lockout. Later nobody does: nothing of him comes in any more.
  const late = acquaintedAmong(daemon, [...entered])
  const gone = leaving([...late.keys()], { at: now, by: 'flypaperd', because: 'freed', counts: false })
  if (gone.length > 0) commit(decision({ leave: gone }), ledger, now)
  const others = told.locked.filter(fly => !entered.has(fly) || late.has(fly))
  return {
    locked: told.locked.filter(fly => !others.includes(fly)),
    kept: told.kept,
    refused: [...told.refused, ...others.map(who => ({ who, why: late.get(who) ?? ('full' as const) }))],
  }
}

function hearingOf(daemon: Daemon, now: number): Omit<Hearing, 'acquaintance' | 'room'> {
  const { state, world } = daemon
  const { settings, near, never, inside } = state.policy
  return {
    flies: state.flies,
    lengths: settings.lockout,
    never,
    near: near.prefixes,
    inside,
    singles: near.singles,
    holdOnly: settings.shared.holdOnly,
    nameFly: near.nameFly,
    isPaused: isPaused(state, now) || bootGraceLeft(state.policy, world.surroundings) > 0 || !canAsk(daemon),
    draw: wanted => state.promotion.draw(wanted, settings.promotion, now),
    pastOf: world.history.pastOf,
  }
}

/** While somebody else has taken the sets away, nobody in them is known any more. */
function canAsk({ world }: Daemon): boolean {
  const present = new Set(world.firewall.look()?.sets.map(({ name }) => name))
  return ACQUAINTED.every(([set]) => present.has(set) && present.has(`${set}6`))
}

/** Those of them that the kernel knows as peers or clients. */
function acquaintedAmong({ world }: Daemon, flies: readonly Fly[]): ReadonlyMap<Fly, 'peer' | 'known'> {
  const found = new Map<Fly, 'peer' | 'known'>()
  for (const family of ['', '6'] as const) {
    const byElement = new Map(
      flies
        .filter(fly => setOf(fly) === `flypaper${family}`)
        .map(fly => [elementOf(fly).element as Address, fly]),
    )
    if (byElement.size === 0) continue
    for (const [set, as] of ACQUAINTED)
      for (const { element } of world.firewall.ask(`${set}${family}`, [...byElement.keys()]))
        found.set(byElement.get(element)!, as)
  }
  return found
}

export function takeBack(
  { state, ledger, world, tally }: Daemon,
  { wanted, testifier }: InputOf<'withdraw'>,
): readonly Fly[] {
  const now = world.now()
  const { withdrawn, decision: taken } = withdraw(wanted.flatMap(namesOf), testifier, state.flies, now)
  if (withdrawn.length > 0) commit(taken, ledger, now)
  tally.withdrawn(withdrawn.length)
  return withdrawn
}

function isHost(prefix: Prefix): boolean {
  return isOneHost(prefix) || (prefix.family === 6 && prefix.length === 64)
}

/** Who is connected from the /64 of an IPv6 host counts for it, where the /64 is what would be locked out. */
function widened(prefix: Prefix): Prefix {
  return prefix.family === 6 ? widen(prefix, 64) : prefix
}
