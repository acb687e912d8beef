/** The sets of weak evidence. */
import type { Settings } from '../../settings/settings.ts'
import { SUSPECT_SETS } from '../names.ts'
import { bothFamilies, SAME } from './set-pairs.ts'
import type { SetSpec } from './spec.ts'
import { WEAK_CLASSES, type WeakClass } from './weak.ts'

/** Ports that were tried with weak evidence, of each class; and sources that did so. */
const TRIED_MAX = 65_536
const COUNTED_MAX = 65_536
const TRIED_WHY: Readonly<Record<WeakClass, string>> = {
  peer: 'closed ports that hosts tried to which we talk: the daemon hears of each once',
  known: 'closed ports that known clients tried: the daemon hears of each once',
  late: 'excusable ports, and those of packets that are perhaps only late, and who tried them: told once',
}
/** Suspect prefixes of each length; the daemon adds each with its time. */
const SUSPECT_MAX = 4096
const SUSPECT_SECONDS = 3600

/** Who tried what with weak evidence, each class by itself: what is remembered of one has no part in the others. */
export function weakSets({ evidence }: Settings): readonly SetSpec[] {
  const seconds: Readonly<Record<WeakClass, number>> = {
    peer: evidence.peer.window,
    known: evidence.known.window,
    late: evidence.stranger.window,
  }
  return WEAK_CLASSES.flatMap(name => [
    ...(['', '6'] as const).map(
      (six): SetSpec => ({
        name: `flypaper_tried_${name}${six}`,
        why: six === '' ? TRIED_WHY[name] : SAME,
        type: `${six === '' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service`,
        flags: ['dynamic', 'timeout'],
        size: TRIED_MAX,
        timeout: seconds[name],
      }),
    ),
    ...bothFamilies(`flypaper_count_${name}`, {
      why: 'a limit each: the port that is one too many in this time is one of a scan',
      flags: ['dynamic', 'timeout'],
      size: COUNTED_MAX,
      timeout: seconds[name],
    }),
  ])
}

/** Prefixes of customer lines, written by the daemon. */
export function suspectSets(): readonly SetSpec[] {
  return SUSPECT_SETS.map((name, i) => ({
    name,
    why:
      i === 0
        ? 'IPv6 /56 of which many networks tried a closed port each: who asks for an excusable port there is held; filled by the daemon'
        : 'the same of /48',
    type: 'ipv6_addr',
    flags: ['timeout'],
    size: SUSPECT_MAX,
    timeout: SUSPECT_SECONDS,
  }))
}
