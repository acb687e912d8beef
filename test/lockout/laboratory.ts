/** Flies without a daemon: decisions of decide/ carried out by commit() in a fake firewall, a real history and a real index. */
import type { Change } from '../../src/arm/firewall.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import type { Packet, Tried } from '../../src/decode/packet.ts'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { whatOf } from '../../src/judge/evidence.ts'
import { commit, type Ledger } from '../../src/lockout/commit.ts'
import type { Decision, Leaving } from '../../src/lockout/decide/decision.ts'
import { type Locked, type LockOrder, lock, type Wish } from '../../src/lockout/decide/lock.ts'
import { stick } from '../../src/lockout/decide/stick.ts'
import { indexOf } from '../../src/lockout/flies.ts'
import { type Freed, flush, freeIn, freeThese } from '../../src/lockout/free.ts'
import type { Lockout, Prolongation } from '../../src/lockout/lockout.ts'
import type { Offence } from '../../src/lockout/offence.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { parseAddress, parsePrefix } from '../../src/terms/address.ts'
import { type Fly, flyNamer } from '../../src/terms/fly.ts'
import { prefixSet } from '../../src/terms/prefix-set.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'

export const NOW = Date.UTC(2026, 10, 22)
export const HOUR = 3_600_000
const SYN: Tried = { kind: 'tcp', port: 20000, from: 1024, flags: 2 }
const nameFly = flyNamer(prefixSet([parsePrefix('2001:db8:1::/64')!]))

export function laboratory({ toml = '', size = Number.POSITIVE_INFINITY } = {}) {
  const settings = parseSettings(toml, 'test')
  const firewall = fakeFirewall()
  firewall.load(render(rulesetOf(settings, 'log')))
  const history = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  const told = {
    entered: [] as Lockout[],
    prolonged: [] as Prolongation[],
    left: [] as Leaving[],
    changed: 0,
  }
  /** What the kernel refused; thrown unless a test takes it. */
  const refused: unknown[] = []
  const options = { takesRefusals: false }
  const open = (now: number) => {
    const flies = indexOf(history, now)
    const ledger: Ledger = {
      firewall,
      history,
      flies,
      told: {
        entered: lockouts => void told.entered.push(...lockouts),
        prolonged: prolongations => void told.prolonged.push(...prolongations),
        left: leaving => void told.left.push(leaving),
        changed: () => void told.changed++,
      },
      refused(error) {
        refused.push(error)
        if (!options.takesRefusals) throw error
      },
    }
    return {
      flies,
      ledger,
      commit: (decision: Decision, now = NOW) => commit(decision, ledger, now),
      /** Without a promotion limit. */
      stick: (offences: readonly Offence[], now = NOW) =>
        commit(
          stick(
            offences,
            {
              flies,
              lengths: settings.lockout,
              room: { size, isHopeless: false },
              pastOf: history.pastOf,
              admit: candidates => candidates,
            },
            now,
          ).decision,
          ledger,
          now,
        ),
      lock(wishes: readonly Wish[], order: LockOrder, now = NOW): Locked {
        const usual = settings.lockout.several
        const never = prefixSet([parsePrefix('192.0.2.7')!, parsePrefix('2001:db8:7::/48')!])
        const near = [parsePrefix('192.0.2.1')!]
        const room = { size, isHopeless: false }
        const { pastOf } = history
        const { decision, ...locked } = lock(
          wishes,
          order,
          { flies, usual, room, never, near, nameFly, pastOf },
          now,
        )
        commit(decision, ledger, now)
        return locked
      },
      /** All pieces together. */
      async free(who: readonly string[], now = NOW, by = 'root'): Promise<Freed> {
        const all: Freed[] = []
        await freeIn(
          who.map(text => parsePrefix(text)!),
          by,
          { ledger, nameFly, now: () => now },
          piece => void all.push(piece),
        )
        return { flies: all.flatMap(({ flies }) => flies), held: all.flatMap(({ held }) => held) }
      },
      freeThese: (sources: readonly string[], now = NOW) => freeThese(sources as Fly[], 'root', ledger, now),
      flush: (now = () => NOW) => flush(ledger, 'root', now),
    }
  }
  return {
    ...open(NOW),
    open,
    firewall,
    history,
    told,
    refused,
    options,
    /** The elements of a set with their seconds. */
    of: (set: string) => firewall.elementsOf(set),
    /** The sets that were changed since, transaction by transaction. */
    changed: (from = 0) => firewall.transactions.slice(from).map(changes => changes.map(nameOf)),
  }
}

function nameOf(change: Change): string {
  return 'set' in change ? `${change.change} ${change.set}` : change.change
}

export function offence(source: string, tried: Tried = SYN, hook: 'input' | 'forward' = 'input'): Offence {
  const packet: Packet = { source: parseAddress(source)!, destination: parseAddress('192.0.2.1')!, tried }
  const evidence = [{ what: whatOf(tried), weight: 6 }]
  return {
    packet,
    fly: nameFly(packet.source),
    because: 'closed-port',
    grade: 'forgeable',
    evidence,
    longest: 'forever',
    hook,
  }
}
