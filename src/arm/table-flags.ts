/** Flags that somebody has given to table inet filter, and that keep the trap out of it: nothing of his is changed. Pure. */
import { EXIT, Failure } from '../terms/failure.ts'
import type { TableView } from './firewall.ts'
import { TABLE } from './names.ts'

const NAME = `${TABLE.family} ${TABLE.name}`

/** Throws a Failure that says what keeps the trap out, and what to do. */
export function checkFlags(table: Pick<TableView, 'flags'> | undefined): void {
  const refusal = flagRefusal(table?.flags ?? [])
  if (refusal !== undefined) throw refusal
}

/**
 * To load a ruleset is to declare the table without flags: the kernel would wake one that sleeps, with all that is in it, and
 * refuses one that has another flag.
 */
export function flagRefusal(flags: readonly string[]): Failure | undefined {
  if (flags.includes('dormant')) {
    return new Failure(
      `table ${NAME} sleeps (flags dormant): it would have to be woken for the trap, and all that is in it with it`,
      {
        exit: EXIT.settings,
        hint: `Wake it yourself, if its rules are to be in force: nft add table ${NAME}. Or give them a table of another name.`,
      },
    )
  }
  if (flags.includes('owner')) {
    return new Failure(
      `table ${NAME} belongs to another program (flags owner): the kernel lets nobody else change it`,
      {
        exit: EXIT.settings,
        hint: 'Let that program give its table another name, or end it.',
      },
    )
  }
  if (flags.length === 0) return undefined
  return new Failure(`table ${NAME} has flags that the kernel does not let us keep: ${flags.join(', ')}`, {
    exit: EXIT.settings,
    hint: `If the program that made the table is gone, and nobody needs it: nft delete table ${NAME}`,
  })
}
