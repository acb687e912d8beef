/** Which live sets are not as they are wanted, and cannot become so in their place. Pure. */
import { EXIT, Failure } from '../terms/failure.ts'
import type { TableView } from './firewall.ts'
import type { TimedFly } from './flies.ts'
import type { Ruleset } from './ruleset/spec.ts'

export interface Outgrown {
  readonly name: string
  /** It differs in more than its size: to declare it as it is wanted refuses the whole text. */
  readonly isOther: boolean
}

/**
 * A live set cannot change its flags, nor whether its elements count, and before kernel 6.12 not its size: it must be made anew. None where
 * there is no table.
 */
export function outgrownSets({ sets }: Ruleset, table: TableView | undefined): readonly Outgrown[] {
  const isDynamic = (flags: readonly string[] = []) => flags.includes('dynamic')
  return sets.flatMap(({ name, flags, size, counter = false }) => {
    const live = table?.sets.find(set => set.name === name)
    if (live === undefined) return []
    const isOther = isDynamic(flags) !== isDynamic(live.flags) || counter !== (live.counter ?? false)
    return isOther || (size !== undefined && live.size !== size) ? [{ name, isOther }] : []
  })
}

/** Flies that are moved to another set while the daemon judges, at most: a million take half a minute, longer than systemd's watchdog waits. */
export const MOVED_MAX = 10_000

/** Throws a Failure (69) where there are more of them. */
export function refuseMany(flies: Iterable<TimedFly>): void {
  let count = 0
  for (const _ of flies) if (++count > MOVED_MAX) throw tooManyToMove()
}

function tooManyToMove(): Failure {
  return new Failure(
    `the settings change what the sets of the flies are (size, or while_trying), and more than ${MOVED_MAX.toLocaleString('en')} flies would have to move: nobody would be judged meanwhile`,
    { exit: EXIT.unavailable, hint: 'A restart moves them before it judges: flypaperd restart' },
  )
}
