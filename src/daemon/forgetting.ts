/**
 * A person is forgotten, who was freed before: what counts against him, who he was to this machine, the history, the ring. Piece by piece; what comes
 * from him meanwhile is new. docs/decisions/0080-forget.md
 */
import { setImmediate as turn } from 'node:timers/promises'
import { namesOf } from '../lockout/flies.ts'
import { forgetCounted } from '../lockout/hold.ts'
import { liesIn } from '../terms/fly.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'
import { forgetSuspects } from './suspects.ts'

/** How much was removed where. */
export interface Forgotten {
  readonly lockouts: number
  readonly senders: number
  readonly sightings: number
  readonly samples: number
  readonly packets: number
  /** Whether it is out of the bytes of the history as well. */
  readonly scoured: boolean
}

export async function forgetWhom(daemon: Daemon, { prefixes, by }: InputOf<'forget'>): Promise<Forgotten> {
  const { state, world, ledger, acquaintances, ring, sightings: buffer, samples } = daemon
  const { history, forgetting } = world
  const isForgotten = liesIn(prefixes)
  // Those whose time is over are known to the index still.
  state.flies.sweep(world.now())
  state.memory.forgetWhere(isForgotten)
  await turn()
  state.promotion.forget(isForgotten)
  await turn()
  forgetCounted(ledger, prefixes.flatMap(namesOf).filter(isForgotten))
  if (prefixes.some(({ family }) => family === 6)) {
    state.whole.waiting.clear()
    forgetSuspects(daemon)
  }
  await acquaintances.forget(prefixes)
  history.addSightings(buffer.take())
  history.addSamples(samples.take())
  const packets = await ring.forget(prefixes)
  const names = await forgetting.forgetNames(prefixes)
  const sum = { lockouts: 0, senders: 0 }
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await forgetting.forgetPage(prefixes, after)
    sum.lockouts += page.lockouts
    sum.senders += page.senders
    after = page.next
  }
  const scoured = await forgetting.scour()
  world.log.info(
    `forgotten (by ${by}): ${sum.lockouts + sum.senders} lockouts, ${names.sightings} sightings, ${packets} packets of the ring`,
  )
  return { ...sum, ...names, packets, scoured }
}
