/** Whom an order to free means: prefixes, or the flies that fit some conditions. With and without a daemon. */
import type { Freed as Met } from '../../lockout/free.ts'
import type { Selection } from '../../record/selection.ts'
import { type Prefix, parsePrefix } from '../../terms/address.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { prefixOf } from '../../terms/fly.ts'
import { type Freed, type FreeRequest, NAMED_MAX } from './protocol.ts'

interface Flies {
  /** Frees every fly that overlaps one of the prefixes, and ends its hold. */
  free(wanted: readonly Prefix[], by: string): Met
  readonly history: Selection
  readonly now: () => number
}

/** Flies of one transaction; packets are judged between two of them. */
const AT_ONCE = 500

export async function freeWhom(flies: Flies, { who, by, ...conditions }: FreeRequest): Promise<Freed> {
  const within = who && prefixesOf(who)
  if (Object.values(conditions).every(value => value === undefined)) {
    if (within === undefined) throw new Failure('whom to free is not said', { exit: EXIT.usage })
    return freeAtOnce(flies, within, by)
  }
  const wanted = [...flies.history.select({ ...conditions, within }, flies.now())].map(({ source }) => source)
  const freed = { flies: [] as string[], held: [] as string[], count: 0 }
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    const { flies: named, count } = freeAtOnce(flies, wanted.slice(at, at + AT_ONCE).map(prefixOf), by)
    freed.count += count
    freed.flies.push(...named.slice(0, NAMED_MAX - freed.flies.length))
    await new Promise(resolve => setImmediate(resolve))
  }
  return freed
}

function freeAtOnce({ free }: Flies, within: readonly Prefix[], by: string): Freed {
  const { flies, held } = free(within, by)
  return { flies: flies.slice(0, NAMED_MAX), held: held.slice(0, NAMED_MAX), count: flies.length }
}

/** Throws a Failure (64) for what is neither an address nor a prefix. */
export function prefixesOf(who: readonly string[]): Prefix[] {
  return who.map(text => {
    const prefix = parsePrefix(text)
    if (prefix !== undefined) return prefix
    throw new Failure(`${escapeText(text)} is no address and no prefix`, { exit: EXIT.usage })
  })
}
