/**
 * Who was refused by the chains of others (closed = "unaccepted"). A refusal is no event: it is a note in
 * `flypaper_passing` that nobody took back. A packet passes those chains within microseconds, so what two looks find that are
 * INTERVAL_MS apart was refused. The kernel's sets are the only truth here: what is missed is missed, nobody is accused by a loss.
 */
import type { Address } from '../terms/address.ts'

/** What somebody tried to open. */
export interface Refused {
  readonly source: Address
  readonly destination: Address
  /** IANA protocol number: 6 or 17. */
  readonly protocol: number
  readonly port: number
}

export interface Passing extends Refused {
  /** Milliseconds until the kernel forgets it. */
  readonly expiresMs: number
}

/** The port that system/passing-sets.ts stands behind. */
export interface PassingSets {
  passing(): Promise<readonly Passing[]>
  /** The elements of the sets of who is pending. */
  pending(): Promise<ReadonlySet<string>>
}

export interface RefusedWatch extends Disposable {
  /** Somebody is on his way: looks until nothing has been going on for a while. */
  look(): void
}

export const INTERVAL_MS = 250
/** The doorbell rings four times a second at most, so whose ring it swallowed came within that time after the last one. */
const QUIET_MS = 2 * INTERVAL_MS
/** An element that is younger than the last look, by this, is another one of the same name. */
const SLACK_MS = INTERVAL_MS / 2

export function watchRefused(
  sets: PassingSets,
  receive: (refused: readonly Passing[], pending: ReadonlySet<string>) => void,
  onError: (error: unknown) => void,
): RefusedWatch {
  let before: ReadonlyMap<string, number> = new Map()
  let askedAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  async function round(): Promise<void> {
    const began = performance.now()
    try {
      const passing = await sets.passing()
      const stayed = passing.filter(one => hasStayed(one, before.get(keyOf(one))))
      before = new Map(passing.map(one => [keyOf(one), one.expiresMs]))
      if (stayed.length > 0) receive(stayed, await sets.pending())
    } catch (error) {
      onError(error)
    }
    timer = undefined
    if (!isClosed && (before.size > 0 || began - askedAt < QUIET_MS)) again(INTERVAL_MS)
  }

  function again(wait: number): void {
    timer ??= setTimeout(round, wait)
  }

  return {
    look() {
      askedAt = performance.now()
      if (!isClosed) again(0)
    },
    [Symbol.dispose]() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** Whether it is the same element as at the look before: then it has grown older by the time between them. */
function hasStayed({ expiresMs }: Passing, before: number | undefined): boolean {
  return before !== undefined && before - expiresMs >= SLACK_MS
}

function keyOf({ source, destination, protocol, port }: Refused): string {
  return `${source} ${destination} ${protocol} ${port}`
}
