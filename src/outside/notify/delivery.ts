/**
 * What waits for one way, and when it is tried: at most one message of a kind in ten minutes, each once what comes with it has
 * come, and again until it is taken. Nothing is given up: a pile of each kind waits, and what comes meanwhile is added to it.
 */
import * as z from 'zod'
import type { Log } from '../../log/log.ts'
import { escapeText } from '../../terms/escape.ts'
import type { Message } from './message.ts'
import { KINDS, type Kind, type Pile, together } from './notice.ts'
import type { Way } from './ways.ts'

/** Between two messages of a kind, by one way. */
export const PACE_MS = 600_000
/** What comes so soon after the first is told with it. */
export const GATHER_MS = 10_000
/** After the first try that failed; twice as long after each other. */
export const RETRY_MS = 30_000
/** But never longer. */
export const RETRY_MAX_MS = 300_000

const Line = z.object({ at: z.number(), text: z.string(), count: z.number() })
const KeptPile = z.object({
  begun: z.number(),
  first: z.number(),
  last: z.number(),
  count: z.number(),
  lines: z.array(Line),
})
const KindName = z.enum(['trap', 'failing', 'limit', 'ours', 'digest'])

/** What is kept of a way over a restart. */
export const WayMemory = z.object({
  piles: z.partialRecord(KindName, KeptPile).default({}),
  sent: z.partialRecord(KindName, z.number()).default({}),
})
export type WayMemory = z.infer<typeof WayMemory>

export interface Standing {
  readonly name: Way['name']
  /** Messages that wait, and what they sum up. */
  readonly messages: number
  readonly notices: number
  readonly failingSince?: number
  readonly error?: string
}

export interface Delivery {
  add(kind: Kind, pile: Pile): void
  /** Tries what is due, unless it is being tried. Resolves when that is over. Never rejects. */
  step(now: number): Promise<void>
  standing(): Standing
  memory(): WayMemory
}

export interface Outlet {
  readonly log: Log
  now(): number
  /** A pile becomes a message; rejects when what it needs is not there yet. */
  compose(kind: Kind, pile: Pile): Promise<Message>
  /** Something is to be kept, at once. */
  changed(): void
}

export function openDelivery(way: Way, kept: WayMemory, { log, now, compose, changed }: Outlet): Delivery {
  const piles = new Map<Kind, Pile>(Object.entries(kept.piles) as [Kind, Pile][])
  const sent = new Map<Kind, number>(Object.entries(kept.sent) as [Kind, number][])
  /** Those whose message could not be made. */
  const notBefore = new Map<Kind, number>()
  let sending: { readonly kind: Kind; readonly pile: Pile } | undefined
  let running: Promise<void> | undefined
  let failures = 0
  let failing: { readonly since: number; readonly error: string } | undefined
  let nextTry = 0

  const waiting = (): [Kind, Pile][] => {
    const all = new Map(piles)
    if (sending !== undefined) {
      const later = all.get(sending.kind)
      all.set(sending.kind, later === undefined ? sending.pile : together(sending.pile, later))
    }
    return [...all]
  }

  function dueAt(kind: Kind, { begun }: Pile): number {
    const paced = (sent.get(kind) ?? Number.NEGATIVE_INFINITY) + PACE_MS
    const gathered = kind === 'digest' ? begun : begun + GATHER_MS
    return Math.max(paced, gathered, notBefore.get(kind) ?? 0, nextTry)
  }

  async function attempt(kind: Kind, pile: Pile): Promise<void> {
    piles.delete(kind)
    sending = { kind, pile }
    const putBack = () => {
      const later = piles.get(kind)
      piles.set(kind, later === undefined ? pile : together(pile, later))
    }
    try {
      const message = await compose(kind, pile).catch((error: unknown) => {
        notBefore.set(kind, now() + RETRY_MS)
        log.warn(`${way.name}: the ${kind} cannot be made yet: ${escapeText(String(error))}`)
      })
      if (message === undefined) return putBack()
      try {
        await way.deliver(message)
        sent.set(kind, now())
        sending = undefined
        succeeded(message)
      } catch (error) {
        putBack()
        failed(error instanceof Error ? error.message : String(error))
      }
    } finally {
      sending = undefined
      changed()
    }
  }

  async function tryAll(at: number): Promise<void> {
    for (const kind of KINDS) {
      const pile = piles.get(kind)
      if (pile !== undefined && dueAt(kind, pile) <= at) await attempt(kind, pile)
    }
  }

  function succeeded({ kind, count }: Message): void {
    const again =
      failing === undefined ? '' : `, for the first time since ${new Date(failing.since).toISOString()}`
    failing = undefined
    failures = 0
    nextTry = 0
    log.info(`${way.name}: told of ${kind}${count > 1 ? ` (${count})` : ''}${again}`)
  }

  function failed(error: string): void {
    if (failing?.error !== error) log.warn(`${way.name} cannot be delivered, and is tried again: ${error}`)
    failing = { since: failing?.since ?? now(), error }
    nextTry = now() + Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(failures++, 10))
  }

  return {
    add(kind, pile) {
      piles.set(kind, together(piles.get(kind), pile))
    },
    step(at) {
      running ??= tryAll(at).finally(() => {
        running = undefined
      })
      return running
    },
    standing() {
      const all = waiting()
      const notices = all.reduce((sum, [, { count }]) => sum + count, 0)
      const told = failing && { failingSince: failing.since, error: failing.error }
      return { name: way.name, messages: all.length, notices, ...told }
    },
    memory: () => ({
      piles: Object.fromEntries(waiting()) as WayMemory['piles'],
      sent: Object.fromEntries(sent) as WayMemory['sent'],
    }),
  }
}
