/** Whom an order to free means: prefixes, or the flies that fit some conditions. With and without a daemon. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Selection } from '../../history/selection.ts'
import { isOneHost } from '../../lockout/flies.ts'
import type { Freed as Met } from '../../lockout/free.ts'
import { type Prefix, parsePrefix } from '../../terms/address.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { type Fly, prefixOf } from '../../terms/fly.ts'
import { prefixSet } from '../../terms/prefix-set.ts'
import { type Freed, type FreeRequest, NAMED_MAX } from './protocol.ts'

interface Flies {
  /** Frees every fly that overlaps one of the prefixes, and ends the hold of everybody there, piece by piece. */
  free(wanted: readonly Prefix[], by: string, freed: (piece: Met) => void): Promise<void>
  /** Frees these at once: not for many. */
  freeThese(sources: readonly Fly[], by: string): Met
  /** The flies that are whole prefixes. */
  nets(): readonly Fly[]
  readonly history: Pick<Selection, 'selectPieces'>
  readonly now: () => number
}

/** Many are freed piece by piece, between which packets and other requests have their turn. */
export async function freeWhom(flies: Flies, { who, by, ...conditions }: FreeRequest): Promise<Freed> {
  const within = who && prefixesOf(who)
  const freed = { flies: [] as string[], held: [] as string[], count: 0 }
  const add = (piece: Met) => {
    freed.count += piece.flies.length
    freed.flies.push(...piece.flies.slice(0, NAMED_MAX - freed.flies.length))
    freed.held.push(...piece.held.slice(0, NAMED_MAX - freed.held.length))
  }
  if (Object.values(conditions).every(value => value === undefined)) {
    if (within === undefined) throw new Failure('whom to free is not said', { exit: EXIT.usage })
    await flies.free(within, by, add)
    const around = netsAround(within, flies.nets())
    return around.length === 0 ? freed : { ...freed, around }
  }
  for (const rows of flies.history.selectPieces({ ...conditions, within }, flies.now())) {
    const sources = rows.map(({ source }) => source)
    if (sources.length > 0) add(flies.freeThese(sources, by))
    await turn()
  }
  return { ...freed, held: [] }
}

/** Of a prefix that is locked out, a part cannot be freed: where one address is named, the whole of it stays. */
function netsAround(wanted: readonly Prefix[], nets: readonly Fly[]): Fly[] {
  const hosts = prefixSet(wanted.filter(isOneHost))
  return nets.filter(net => hosts.overlaps(prefixOf(net)))
}

/** Throws a Failure (64) for what is neither an address nor a prefix. */
export function prefixesOf(who: readonly string[]): Prefix[] {
  return who.map(text => {
    const prefix = parsePrefix(text)
    if (prefix !== undefined) return prefix
    throw new Failure(`${escapeText(text)} is no address and no prefix`, { exit: EXIT.usage })
  })
}
