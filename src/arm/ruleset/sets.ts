/** The sets. Every one that is keyed by a source address has a size: that is its bound. */

import { closedMode, type Settings } from '../../settings/settings.ts'
import { BOUND_MAX } from '../bound.ts'
import { insideSets, sparedSets } from './near-sets.ts'
import { bothFamilies, SAME } from './set-pairs.ts'
import type { SetSpec } from './spec.ts'
import { suspectSets, weakSets } from './weak-sets.ts'

/** Flows whose answer is held back, at most; each is remembered for STRAY_SECONDS. */
const STRAYS_MAX = 65_536
const STRAY_SECONDS = 30
/** Flows of ours to who sticks, at most; each is remembered for so long after our last packet. */
export const CALLED_MAX = 65_536
export const CALLED_SECONDS = 600
/** Prefixes that are locked out by hand, each of two elements; lockout/decide/lock.ts takes fewer. */
const NETS_MAX = 4096
/** Questions by UDP that are remembered at most; their answers are late-answers as long as `peers` lasts. */
const QUESTIONS_MAX = 65_536
/** Ports from which everybody was asked, and for how long their answers are expected (RFC 6762, UPnP: some seconds). */
const ASKED_MAX = 1024
const ASKED_SECONDS = 30
/** What was tried by those who are pending or known, at the same moment: the daemon reads all of it at each look. */
export const PASSING_MAX = 16_384
/** Doors through which somebody was let, and for how long each is remembered. */
const ACCEPTED_MAX = 65_536
const ACCEPTED_SECONDS = 86_400
/** For so long nobody is watched when they were more. */
const UNSURE_SECONDS = 600
/** Ports that rules of others open under conditions, which the daemon reads. When there are more, nobody is watched. */
export const CONDITIONAL_MAX = 16_384
/** Two protocols with 65,536 ports each: those that are served, and those that are excusable. */
const SERVED_MAX = 131_072

export function sets(settings: Settings): readonly SetSpec[] {
  return [
    ...stuckSets(settings),
    ...sparedSets(settings),
    ...insideSets(),
    ...acquaintedSets(settings),
    ...flowSets(settings),
    ...(settings.evidence.silent.length > 0 ? silentSets() : []),
    ...weakSets(settings),
    ...suspectSets(),
    ...pendingSets(settings),
    ...(closedMode(settings) === 'listening' ? [] : [CONDITIONAL]),
    ...(closedMode(settings) === 'unaccepted' ? watchSets(settings) : []),
  ]
}

/** Who is shut out. */
function stuckSets({ sizes, hold, lockout }: Settings): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper', {
      why: 'the flies: who is locked out, until when; IPv6 by /64. Why: flypaperd why ADDRESS; free: flypaperd free ADDRESS',
      flags: ['timeout'],
      size: sizes.flypaper,
      counter: lockout.whileTrying,
    }),
    ...bothFamilies('flypaper_nets', {
      why: 'flies that are whole prefixes: locked out by hand, never by a packet',
      flags: ['interval', 'timeout'],
      size: NETS_MAX,
    }),
    ...bothFamilies('flypaper_hold', {
      why: 'held since it offended: it reaches what flypaper_reach lets through; ends by itself unless the daemon locks it out',
      flags: ['dynamic', 'timeout'],
      size: sizes.hold,
      timeout: hold,
    }),
    ...bothFamilies('flypaper_by_hand', {
      why: 'those of them that were locked out by hand: public ports, where the settings name any, are shut for them as well',
      flags: ['timeout'],
      size: sizes.flypaper,
    }),
    ...(['ip', 'ip6'] as const).map(
      (family): SetSpec => ({
        name: family === 'ip' ? 'flypaper_called' : 'flypaper_called6',
        why:
          family === 'ip'
            ? 'flows of ours to who sticks: from whom, protocol and ports of the answers'
            : SAME,
        type: `${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service . inet_service`,
        flags: ['dynamic', 'timeout'],
        size: CALLED_MAX,
        timeout: CALLED_SECONDS,
      }),
    ),
  ]
}

/** Whom this machine has to do with. */
function acquaintedSets({ sizes, peers, known }: Settings): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper_peers', {
      why: 'hosts to which a connection was originated from here lately: one forged packet must not cut them off',
      flags: ['dynamic', 'timeout'],
      size: sizes.peers,
      timeout: peers,
    }),
    ...bothFamilies('flypaper_known', {
      why: 'clients that opened a whole connection lately: one forged packet must not cut them off',
      flags: ['dynamic', 'timeout'],
      size: sizes.known,
      timeout: known,
    }),
    {
      name: 'flypaper_questions',
      why: 'what we asked by UDP: whom, at which port, from which port; the answer may be late',
      type: 'ipv4_addr . inet_service . inet_service',
      flags: ['dynamic', 'timeout'],
      size: QUESTIONS_MAX,
      timeout: peers,
    },
    {
      name: 'flypaper_questions6',
      why: SAME,
      type: 'ipv6_addr . inet_service . inet_service',
      flags: ['dynamic', 'timeout'],
      size: QUESTIONS_MAX,
      timeout: peers,
    },
    {
      name: 'flypaper_forgotten',
      why: 'more such questions than can be remembered, or the trap is new: until then whom we talk to may have been asked from any port',
      type: 'nf_proto',
      flags: ['dynamic', 'timeout'],
      size: 2,
      timeout: peers,
    },
    {
      name: 'flypaper_asked',
      why: 'ports from which the whole neighbourhood was asked just now: anybody may answer',
      type: 'inet_service',
      flags: ['dynamic', 'timeout'],
      size: ASKED_MAX,
      timeout: ASKED_SECONDS,
    },
  ]
}

/** Ports that are served, and the grace time. */
function flowSets(settings: Settings): readonly SetSpec[] {
  return [
    {
      name: 'flypaper_served',
      why: 'ports that were open lately: a service that restarts does not cost its clients',
      type: 'inet_proto . inet_service',
      flags: ['dynamic', 'timeout'],
      size: SERVED_MAX,
      timeout: Math.max(1, settings.served),
    },
    {
      name: 'flypaper_bound_ports',
      why: 'ports at which somebody listens by certain addresses of this machine alone; filled by the daemon',
      type: 'inet_proto . inet_service',
      size: BOUND_MAX,
    },
    ...(['', '6'] as const).map(
      (six): SetSpec => ({
        name: `flypaper_bound${six}`,
        why: six === '' ? 'by which addresses, now or lately; filled by the daemon' : SAME,
        type: `${six === '' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service`,
        flags: ['timeout'],
        size: BOUND_MAX,
      }),
    ),
    {
      name: 'flypaper_excusable',
      why: 'closed ports that honest hosts ask for: down, sister of one that is served, in the settings; filled by the daemon',
      type: 'inet_proto . inet_service',
      flags: ['timeout'],
      size: SERVED_MAX,
    },
    {
      name: 'flypaper_grace',
      why: 'the grace time after boot: filled by the daemon, and meanwhile nobody is judged',
      type: 'nf_proto',
      flags: ['timeout'],
    },
  ]
}

/** Of ports that are to be silent. */
function silentSets(): readonly SetSpec[] {
  return (['', '6'] as const).map(six => ({
    name: `flypaper_stray${six}`,
    why: six === '' ? 'flows to ports that are to be silent: no answer to them leaves' : SAME,
    type: `${six === '' ? 'ipv4_addr' : 'ipv6_addr'} . inet_service . inet_service`,
    flags: ['dynamic', 'timeout'],
    size: STRAYS_MAX,
    timeout: STRAY_SECONDS,
  }))
}

function pendingSets({ sizes, hold }: Settings): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper_pending', {
      why: 'pending: what is new is dropped, open connections go on; too many ports, or refused by other chains; ends by itself',
      flags: ['dynamic', 'timeout'],
      size: sizes.hold,
      timeout: hold,
    }),
    ...(['', '6'] as const).map(
      (six): SetSpec => ({
        name: `flypaper_linked${six}`,
        why:
          six === ''
            ? 'sources that are no host, by interface: they met a closed port, and what is new is dropped; ends by itself'
            : SAME,
        type: `${six === '' ? 'ipv4_addr' : 'ipv6_addr'} . ifname`,
        flags: ['dynamic', 'timeout'],
        size: sizes.hold,
        timeout: hold,
      }),
    ),
  ]
}

const CONDITIONAL: SetSpec = {
  name: 'flypaper_conditional',
  why: 'ports that rules of others open under a rate, a count, a quota or the like: refused there is no offence; filled by the daemon',
  type: 'inet_proto . inet_service',
  size: CONDITIONAL_MAX,
}

/** Those of closed = "unaccepted". */
function watchSets({ hold }: Settings): readonly SetSpec[] {
  return [
    ...(['ip', 'ip6'] as const).map((family): SetSpec => {
      const address = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'
      return {
        name: family === 'ip' ? 'flypaper_passing' : 'flypaper_passing6',
        why:
          family === 'ip'
            ? 'what they open: from whom, to whom, protocol, port; what stays was refused, and the daemon takes it out'
            : SAME,
        type: `${address} . ${address} . inet_proto . inet_service`,
        flags: ['dynamic', 'timeout'],
        size: PASSING_MAX,
        timeout: hold,
      }
    }),
    ...(['ip', 'ip6'] as const).map(
      (family): SetSpec => ({
        name: family === 'ip' ? 'flypaper_accepted' : 'flypaper_accepted6',
        why: family === 'ip' ? 'doors through which somebody was let lately: address, protocol, port' : SAME,
        type: `${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service`,
        flags: ['dynamic', 'timeout'],
        size: ACCEPTED_MAX,
        timeout: ACCEPTED_SECONDS,
      }),
    ),
    {
      name: 'flypaper_unsure',
      why: 'there were more such doors than can be remembered: until then nobody is watched',
      type: 'nf_proto',
      flags: ['dynamic', 'timeout'],
      size: 2,
      timeout: UNSURE_SECONDS,
    },
  ]
}
