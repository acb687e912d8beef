/** Notifications: what happens becomes notices, notices become piles, and each way is tried until it has taken them. */
import * as z from 'zod'
import type { Settings } from '../../settings/settings.ts'
import { openGeo, type Places, placesOf } from '../../surface/cli/geo.ts'
import type { EventLine } from '../../surface/control/protocol.ts'
import { type Prefix, parsePrefix } from '../../terms/address.ts'
import { jsonText } from '../../terms/escape.ts'
import { Failure } from '../../terms/failure.ts'
import type { World } from '../world.ts'
import { type Delivery, openDelivery, WayMemory } from './delivery.ts'
import { digestOf, lastDue, sinceOf } from './digest.ts'
import { noticeOf } from './events.ts'
import { CountsMemory, judgeCounts } from './failing.ts'
import { type Message, messageOf } from './message.ts'
import { type Kind, type Notice, type Pile, pileOf } from './notice.ts'
import { judgeTrap, type Seen, TrapMemory } from './trap.ts'
import { waysOf } from './ways.ts'

/** How often `flypaperd status` is told at least. */
const TOLD_MS = 30_000

const Memory = z.object({
  /** Up to which event all was taken. */
  after: z.string().optional(),
  trap: TrapMemory.default({ isTold: false }),
  counts: CountsMemory.optional(),
  /** When the last digest was due. */
  digest: z.number().optional(),
  ways: z.record(z.string(), WayMemory).default({}),
})
type Memory = z.infer<typeof Memory>

type Wanted = Pick<Settings, 'notify' | 'geo'>

export interface Notifications {
  /** The event up to which all was taken: the feed is resumed there. */
  after(): string | undefined
  event(line: EventLine): void
  /** Looks at the daemon. Never rejects. */
  look(): Promise<void>
  /** Tries what is due; to be called each second. Never rejects. */
  step(): Promise<void>
  /** Keeps what is to be kept. */
  save(): void
  /** From whom logins count as ours. */
  readLogins(): void
}

export function openNotify(world: World, { notify: settings, geo }: Wanted): Notifications {
  const { log, host, now, daemon } = world
  const memory: Memory = remembered(world)
  let logins: readonly Prefix[] = []
  let loginsTold: string | undefined
  let isDirty = true
  let told = ''
  let toldAt = 0
  const deliveries: readonly Delivery[] = waysOf(settings, world.carriers).map(way =>
    openDelivery(way, memory.ways[way.name] ?? { piles: {}, sent: {} }, { log, now, compose, changed: save }),
  )

  async function compose(kind: Kind, pile: Pile): Promise<Message> {
    if (kind === 'digest')
      return digestOf({ ...(await daemon.report(pile.first)), ...(await placesSince(pile.first)) }, host)
    return messageOf(kind, pile, host)
  }

  async function placesSince(since: number): Promise<Partial<Places>> {
    const opened = await openGeo(geo, { readDatabase: world.readDatabase, warn: log.warn })
    return opened === undefined ? {} : await placesOf(opened, daemon.lockouts(since))
  }

  function add(notice: Notice): void {
    const { kind } = notice
    if (kind !== 'digest' && !settings.kinds.includes(kind)) return
    isDirty = true
    for (const delivery of deliveries) delivery.add(kind, pileOf(notice, now()))
  }

  function save(): void {
    isDirty = false
    memory.ways = Object.fromEntries(deliveries.map(one => [one.standing().name, one.memory()]))
    try {
      world.memory.write(JSON.stringify(memory))
    } catch (error) {
      log.error(`what waits cannot be kept over a restart: ${messageOfError(error)}`)
    }
  }

  function digest(): void {
    const due = lastDue(settings, now())
    if (due === undefined || due === memory.digest) return
    // The first is sent when its time comes, not when it is configured.
    const before = memory.digest
    memory.digest = due
    isDirty = true
    if (before === undefined || due < before) return
    add({ kind: 'digest', at: sinceOf(settings, due, before), text: '' })
  }

  return {
    after: () => memory.after,
    event(line) {
      if (line.id !== undefined && line.id !== memory.after) {
        memory.after = line.id
        isDirty = true
      }
      if (line.event === 'disarmed' || line.event === 'armed')
        memory.trap = { ...memory.trap, word: `${line.text} (${line.at})` }
      const notice = noticeOf(line, logins)
      if (notice !== undefined) add(notice)
    },
    async look() {
      const seen: Seen = await daemon.look().catch(error => ({ problem: messageOfError(error) }))
      const trap = judgeTrap(memory.trap, seen, now())
      if (JSON.stringify(trap.memory) !== JSON.stringify(memory.trap)) isDirty = true
      memory.trap = trap.memory
      for (const notice of trap.notices) add(notice)
      if (seen === undefined || 'problem' in seen) return
      const counts = judgeCounts(memory.counts, seen.status, now())
      memory.counts = counts.memory
      for (const notice of counts.notices) add(notice)
    },
    async step() {
      digest()
      const at = now()
      const tried = deliveries.map(one => one.step(at))
      if (isDirty) save()
      tellStatus()
      await Promise.all(tried)
    },
    save,
    readLogins() {
      const found = world.lastLogins()
      if ('addresses' in found) logins = found.addresses.flatMap(one => parsePrefix(one) ?? [])
      const problem = 'addresses' in found ? undefined : found.because
      if (problem !== undefined && problem !== loginsTold)
        log.warn(
          `who logged in last cannot be read (${problem}): only hosts that the daemon knows count as ours`,
        )
      loginsTold = problem
    },
  }

  function tellStatus(): void {
    const ways = deliveries.map(one => one.standing())
    const standing = JSON.stringify(ways)
    if (standing === told && now() - toldAt < TOLD_MS) return
    told = standing
    toldAt = now()
    try {
      world.tellStatus(`${jsonText({ at: toldAt, ways })}\n`)
    } catch (error) {
      log.warn(`flypaperd status cannot be told how it stands: ${messageOfError(error)}`)
    }
  }
}

function remembered({ memory, log }: World): Memory {
  const text = memory.read()
  if (text !== undefined)
    try {
      return Memory.parse(JSON.parse(text))
    } catch {
      log.warn('what was kept of before cannot be read: what happened meanwhile is not told')
    }
  return Memory.parse({})
}

function messageOfError(error: unknown): string {
  return error instanceof Failure ? error.message : String(error)
}
