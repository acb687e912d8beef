/** Runs reconcile() as the daemon does: what differs becomes decisions, which are carried out at once. */
import type { Firewall } from '../../src/arm/firewall.ts'
import type { History } from '../../src/history/history.ts'
import type { KernelSets } from '../../src/keep/kernel-sets.ts'
import { reconcile, type SetState } from '../../src/keep/reconcile.ts'
import { commit, type Ledger } from '../../src/lockout/commit.ts'
import { adopt } from '../../src/lockout/decide/adopt.ts'
import { type Decision, decision } from '../../src/lockout/decide/decision.ts'
import { released } from '../../src/lockout/decide/leave.ts'
import { indexOf } from '../../src/lockout/flies.ts'
import type { Memory } from '../../src/lockout/lockout.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { EMPTY } from '../../src/terms/prefix-set.ts'

export interface Reconciled {
  readonly freed: readonly Fly[]
  readonly adopted: readonly Fly[]
  readonly mended: number
}

export function reconciling(world: {
  readonly firewall: Firewall
  readonly kernelSets: KernelSets
  readonly history: Memory & Pick<History, 'knows'>
  readonly now: () => number
}) {
  const { firewall, history, now } = world
  const flies = indexOf(history, now())
  const freed: Fly[] = []
  const adopted: Fly[] = []
  const ledger: Ledger = {
    firewall,
    history,
    flies,
    told: {
      entered: lockouts => adopted.push(...lockouts.map(({ source }) => source)),
      left: leaving => freed.push(...leaving.flies),
      prolonged() {},
      changed() {},
    },
    refused(error) {
      throw error
    },
  }
  const carryOut = (decided: Decision) => void commit(decided, ledger, now())
  const adopting = { flies, spared: { never: EMPTY, unasked: [] }, pastOf: history.pastOf }
  return {
    flies,
    async run(state: SetState): Promise<Reconciled | undefined> {
      const mended = await reconcile(
        { ...world, flies, history: history as History },
        {
          released: (gone, by) => carryOut(released(gone, by, flies, now())),
          found: (found, by) => carryOut(adopt(found, by, adopting, now()).decision),
          restore: restore => carryOut(decision({ restore })),
          refill: refill => carryOut(decision({ refill })),
          takeOut: evict => carryOut(decision({ evict })),
        },
        state,
        new AbortController().signal,
      )
      return mended === undefined ? undefined : { freed, adopted, mended }
    },
  }
}
