/** The sets. Every one that is keyed by a source address has a size: that is its bound. */

import { closedMode, type Settings } from '../../settings/settings.ts'
import { type Family, mergePrefixes } from '../../terms/address.ts'
import { NAT64 } from '../../terms/fly.ts'
import type { SetSpec } from './spec.ts'

/** Flows whose RST is held back, at most; each is remembered for STRAY_SECONDS. */
const STRAYS_MAX = 65_536
const STRAY_SECONDS = 30
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
/** Two protocols with 65,536 ports each. */
const SERVED_MAX = 131_072

export function sets(settings: Settings): readonly SetSpec[] {
  return [
    ...stuckSets(settings),
    ...sparedSets(settings),
    ...acquaintedSets(settings),
    ...flowSets(settings),
    ...(closedMode(settings) === 'unaccepted' ? watchSets(settings) : []),
  ]
}

/** Who is shut out. */
function stuckSets({ sizes, hold }: Settings): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper', {
      why: 'The flies: who is locked out, and for how long. The IPv6 fly is the /64, kept as its first address.',
      flags: ['timeout'],
      size: sizes.flypaper,
    }),
    ...bothFamilies('flypaper_nets', {
      why: 'Flies that are whole prefixes: locked out by hand, never by a packet.',
      flags: ['interval', 'timeout'],
      size: NETS_MAX,
    }),
    ...bothFamilies('flypaper_hold', {
      why: 'Held: shut out by the kernel itself in the packet that offended, until the daemon has judged it.',
      flags: ['dynamic', 'timeout'],
      size: sizes.hold,
      timeout: hold,
    }),
  ]
}

/** Who is never shut out, and where hosts stick one by one. */
function sparedSets(settings: Settings): readonly SetSpec[] {
  const merged = mergePrefixes(settings.never)
  const never = (family: Family) => merged.filter(prefix => prefix.family === family).map(({ text }) => text)
  return [
    {
      name: 'flypaper_never',
      why: 'The never-list of the settings: never held, never locked out.',
      type: 'ipv4_addr',
      flags: ['interval'],
      elements: never(4),
    },
    {
      name: 'flypaper_never6',
      why: 'The same for IPv6.',
      type: 'ipv6_addr',
      flags: ['interval'],
      elements: never(6),
    },
    ...bothFamilies('flypaper_own', {
      why: 'Ours: own addresses, gateways and resolvers, kept up to date by the daemon. Never held, never locked out.',
      flags: ['interval'],
    }),
    {
      name: 'flypaper_single6',
      why: 'Where a whole /64 would hurt others, hosts stick one by one: our own links, NAT64. Kept by the daemon.',
      type: 'ipv6_addr',
      flags: ['interval'],
    },
  ]
}

/** Whom this machine has to do with. */
function acquaintedSets({ sizes, peers, known }: Settings): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper_peers', {
      why: 'Hosts to which a connection was originated from here lately: one forged packet must not cut them off.',
      flags: ['dynamic', 'timeout'],
      size: sizes.peers,
      timeout: peers,
    }),
    ...bothFamilies('flypaper_known', {
      why: 'Clients that opened a whole connection lately: one forged packet must not cut them off either.',
      flags: ['dynamic', 'timeout'],
      size: sizes.known,
      timeout: known,
    }),
    {
      name: 'flypaper_questions',
      why: 'What we asked by UDP: whom, at which port, from which port. The answer may be late.',
      type: 'ipv4_addr . inet_service . inet_service',
      flags: ['dynamic', 'timeout'],
      size: QUESTIONS_MAX,
      timeout: peers,
    },
    {
      name: 'flypaper_questions6',
      why: 'The same for IPv6.',
      type: 'ipv6_addr . inet_service . inet_service',
      flags: ['dynamic', 'timeout'],
      size: QUESTIONS_MAX,
      timeout: peers,
    },
    {
      name: 'flypaper_asked',
      why: 'Ports from which the whole neighbourhood was asked just now: anybody may answer.',
      type: 'inet_service',
      flags: ['dynamic', 'timeout'],
      size: ASKED_MAX,
      timeout: ASKED_SECONDS,
    },
  ]
}

/** Ports that are served, flows of late packets, and the grace time. */
function flowSets(settings: Settings): readonly SetSpec[] {
  return [
    {
      name: 'flypaper_served',
      why: 'Ports that were open lately (closed = "listening"): a service that restarts does not cost its clients.',
      type: 'inet_proto . inet_service',
      flags: ['dynamic', 'timeout'],
      size: SERVED_MAX,
      timeout: Math.max(1, settings.served),
    },
    {
      name: 'flypaper_stray',
      why: 'Flows whose late packet was let through to a socket: if it answers with RST, nobody shall hear it.',
      type: 'ipv4_addr . inet_service . inet_service',
      flags: ['dynamic', 'timeout'],
      size: STRAYS_MAX,
      timeout: STRAY_SECONDS,
    },
    {
      name: 'flypaper_stray6',
      why: 'The same for IPv6.',
      type: 'ipv6_addr . inet_service . inet_service',
      flags: ['dynamic', 'timeout'],
      size: STRAYS_MAX,
      timeout: STRAY_SECONDS,
    },
    {
      name: 'flypaper_grace',
      why: `The grace time after boot: filled for ${settings.bootGrace} s by the daemon; meanwhile nobody is judged.`,
      type: 'nf_proto',
      flags: ['timeout'],
    },
  ]
}

/** Those of closed = "unaccepted". */
function watchSets({ sizes, hold }: Settings): readonly SetSpec[] {
  return [
    ...bothFamilies('flypaper_pending', {
      why: 'Pending: who opens something and has not come out behind the chains of others, because it is on its way or was refused.',
      flags: ['dynamic', 'timeout'],
      size: sizes.hold,
      timeout: hold,
    }),
    ...(['ip', 'ip6'] as const).map((family): SetSpec => {
      const address = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'
      return {
        name: family === 'ip' ? 'flypaper_passing' : 'flypaper_passing6',
        why:
          family === 'ip'
            ? 'What they open: from whom, to whom, protocol, port. What stays was refused; the daemon takes it out.'
            : 'The same for IPv6.',
        type: `${address} . ${address} . inet_proto . inet_service`,
        flags: ['dynamic', 'timeout'],
        size: PASSING_MAX,
        timeout: hold,
      }
    }),
    ...(['ip', 'ip6'] as const).map(
      (family): SetSpec => ({
        name: family === 'ip' ? 'flypaper_accepted' : 'flypaper_accepted6',
        why:
          family === 'ip'
            ? 'Doors through which somebody was let lately: address, protocol, port.'
            : 'The same for IPv6.',
        type: `${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service`,
        flags: ['dynamic', 'timeout'],
        size: ACCEPTED_MAX,
        timeout: ACCEPTED_SECONDS,
      }),
    ),
    {
      name: 'flypaper_unsure',
      why: 'There were more such doors than can be remembered: until then nobody is watched.',
      type: 'nf_proto',
      flags: ['dynamic', 'timeout'],
      size: 2,
      timeout: UNSURE_SECONDS,
    },
    {
      name: 'flypaper_outside',
      why: 'The interfaces of the default routes, kept up to date by the daemon. By name: one that is missing keeps no file from being loaded.',
      type: 'ifname',
    },
  ]
}

/** What the daemon keeps in flypaper_single6 on every machine. */
export const SINGLE6_ALWAYS: readonly string[] = [NAT64]

function bothFamilies(
  name:
    | 'flypaper'
    | 'flypaper_nets'
    | 'flypaper_hold'
    | 'flypaper_pending'
    | 'flypaper_own'
    | 'flypaper_peers'
    | 'flypaper_known',
  rest: Omit<SetSpec, 'name' | 'type'>,
): SetSpec[] {
  return [
    { ...rest, name, type: 'ipv4_addr' },
    { ...rest, name: `${name}6`, why: 'The same for IPv6.', type: 'ipv6_addr' },
  ]
}
