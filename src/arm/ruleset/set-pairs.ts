/** Sets of which there are two: one for IPv4, and one for IPv6. */
import type { SetSpec } from './spec.ts'
import type { WeakClass } from './weak.ts'

/** Of the second set of a pair. */
export const SAME = 'the same for IPv6'

export function bothFamilies(
  name:
    | 'flypaper'
    | 'flypaper_nets'
    | 'flypaper_by_hand'
    | 'flypaper_hold'
    | 'flypaper_pending'
    | `flypaper_count_${WeakClass}`
    | 'flypaper_own'
    | 'flypaper_links'
    | 'flypaper_inside'
    | 'flypaper_peers'
    | 'flypaper_known',
  rest: Omit<SetSpec, 'name' | 'type'>,
): SetSpec[] {
  return [
    { ...rest, name, type: 'ipv4_addr' },
    { ...rest, name: `${name}6`, why: SAME, type: 'ipv6_addr' },
  ]
}
