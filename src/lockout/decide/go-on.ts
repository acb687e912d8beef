/** Who was asked for and goes on trying is prolonged, by as much as his lockout was long at first. Pure. */
import type { Fly } from '../../terms/fly.ts'
import type { Prolongation } from '../lockout.ts'
import { type Due, halfOf, lastLookOf, packetsSince } from '../trying.ts'
import { type Decision, decision } from './decision.ts'

export interface GoingOn {
  readonly decision: Decision
  /** What is to be written down of those who were asked for at their half; undefined: who is not asked for any more. */
  readonly saw: readonly { readonly fly: Fly; readonly packets: number | undefined }[]
  /** When the first of them is to be asked for again, in milliseconds since the epoch; infinite: nobody is. */
  readonly next: number
}

/**
 * `counted` are the packets of those that the kernel's set has, with a counter. Whoever is missing there was put in anew or taken out in this
 * very moment, or by somebody whose elements do not count: he is not prolonged this time.
 */
export function goOn(asked: readonly Due[], counted: ReadonlyMap<Fly, number>): GoingOn {
  const prolong: Prolongation[] = []
  const saw: { fly: Fly; packets: number | undefined }[] = []
  let next = Number.POSITIVE_INFINITY
  for (const { fly, until, stretch, seen } of asked) {
    const packets = counted.get(fly)
    const since = seen === 0 || packets === undefined ? 0 : packetsSince(seen, packets)
    if (since > 0) {
      prolong.push({ source: fly, until: until + stretch, packets: since })
      next = Math.min(next, halfOf(until + stretch, stretch))
    } else if (seen === 0 && packets !== undefined) {
      saw.push({ fly, packets })
      next = Math.min(next, lastLookOf(until, stretch))
    } else saw.push({ fly, packets: undefined })
  }
  return { decision: decision({ prolong }), saw, next }
}
