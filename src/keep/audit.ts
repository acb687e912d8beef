/**
 * Whether the trap in the kernel is still the one that was armed, told without looking into its sets: each chain and set has the
 * attributes that the ruleset gives it, and nobody has made one of them anew, or touched a rule.
 */
import { TABLE } from '../arm/names.ts'
import type { KernelSets } from './kernel-sets.ts'
import { faultsOf, identityOf, type LiveTable, type Wanted } from './live-table.ts'

export interface Audit {
  /** Nothing is in the path of any packet, since somebody has given the table the flag dormant. */
  readonly isAsleep: boolean
  /** What is not as it should be, in words. */
  readonly fault: string | undefined
  /** The same, but for what could not be set right when it was armed: whoever sees something in it arms again. */
  readonly changed: string | undefined
}

/** A chain of ours to which somebody has given another name. */
export interface Renamed {
  readonly from: string
  /** The kernel's number of it. */
  readonly handle: number
  readonly to: string
  /** Somebody else has taken its name meanwhile. */
  readonly isTaken: boolean
}

export interface Auditor {
  /** The trap was armed just now: what of it is not as it should be all the same, cannot be set right. */
  remember(armed: Wanted): void
  /** The first of what could not be set right, in words. */
  lasting(): string | undefined
  /** How it stands with it now. */
  look(): Audit
  renamed(): readonly Renamed[]
  /** Whether it is time to look into the sets, too. */
  isDue(): boolean
}

/** The flies are compared every so many looks, which come once a minute. */
const LOOKS = 10

interface Armed {
  readonly wanted: Wanted
  readonly identity: ReadonlyMap<string, string>
  /** What could not be set right. */
  readonly lasting: readonly string[]
  readonly table: LiveTable | undefined
}

/** `present`: those of these devices that are here. What a chain at ingress has of one that is gone is no fault: the look of each minute takes it out. */
export function auditor(
  kernelSets: Pick<KernelSets, 'table'>,
  present: (devices: readonly string[]) => readonly string[],
): Auditor {
  let armed: Armed | undefined
  let looks = 0

  const read = ({ ruleset, chains }: Wanted) =>
    kernelSets.table([...ruleset.chains.map(({ name }) => name), ...chains])

  function differences(table: LiveTable | undefined, { wanted, identity }: Armed): readonly string[] {
    const now = identityOf(table, wanted)
    const touched = [...identity].filter(([what, handles]) => now.get(what) !== handles)
    const found = [...faultsOf(table, wanted), ...touched.map(([what]) => `${what} is not what was armed`)]
    return withoutGone(found, wanted)
  }

  function withoutGone(faults: readonly string[], { ruleset }: Wanted): readonly string[] {
    const gone = ruleset.chains.filter(
      ({ devices = [] }) => faults.length > 0 && present(devices).length < devices.length,
    )
    return faults.filter(fault => !gone.some(({ name }) => fault.startsWith(`chain ${name} `)))
  }

  function look(): Audit {
    const table = armed === undefined ? kernelSets.table([]) : read(armed.wanted)
    const found = armed === undefined ? [] : differences(table, armed)
    return {
      isAsleep: table?.isDormant === true,
      fault: found[0],
      changed: found.find(fault => armed?.lasting.includes(fault) !== true),
    }
  }

  return {
    remember(wanted) {
      const table = read(wanted)
      const lasting = withoutGone(faultsOf(table, wanted), wanted)
      armed = { wanted, identity: identityOf(table, wanted), lasting, table }
    },
    lasting: () => armed?.lasting[0],
    look,
    renamed() {
      const table = armed === undefined ? undefined : kernelSets.table([])
      if (table === undefined || table.handle !== armed?.table?.handle) return []
      const ours = new Set(armed.wanted.ruleset.chains.map(({ name }) => name as string))
      const names = new Map(armed.table.chains.map(({ handle, name }) => [handle, name]))
      return table.chains.flatMap(({ handle, name }) => {
        const to = names.get(handle)
        if (to === undefined || to === name || !ours.has(to)) return []
        return [{ from: name, handle, to, isTaken: table.chains.some(chain => chain.name === to) }]
      })
    },
    isDue: () => ++looks % LOOKS === 0,
  }
}

/** What is said of a table that sleeps. */
export const ASLEEP = `table ${TABLE.family} ${TABLE.name} is asleep (flag dormant), so nobody is held, locked out or dropped; it is woken by: nft add table ${TABLE.family} ${TABLE.name}`
