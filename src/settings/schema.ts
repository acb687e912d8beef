/**
 * Every setting: its name, kind, default, and the sentences that docs/settings.md shows.
 *
 * zod walks the document and collects what is wrong in all of it; the kinds do the reading (bridge.ts).
 */
import { z } from 'zod'
import { parseDuration, type Seconds } from '../terms/duration.ts'
import { list, optional, report, setting, table } from './bridge.ts'
import * as kinds from './kinds.ts'
import { prefix } from './never.ts'
import type { Forever, Settings } from './settings.ts'

/** The settings before the first table. */
export const topSettings = {
  closed: setting(
    kinds.choice('auto', 'unmatched', 'listening'),
    'auto',
    'What a closed port is: "unmatched" is what no rule of your own chains took, "listening" is what no socket of this machine listens for, and "auto" is "unmatched" where [chains] names a chain, else "listening". Write "unmatched" when your own rules end in a jump to flypaperd.',
  ),
  capture: setting(
    kinds.choice('auto', 'queue', 'log'),
    'auto',
    'How packets reach the daemon: by nfnetlink_queue, by NFLOG, or by the queue where this kernel has it. Write "log" when the ruleset must load on kernels without nft_queue.',
  ),
  number: setting(
    kinds.whole(1, 65533),
    4242,
    'The queue numbers or NFLOG groups that are used are this one and the next. Change it when another program has one of them.',
  ),
  never: list(
    prefix,
    kinds.list('addresses and prefixes', '192.0.2.7'),
    'Sources that are never judged, held or locked out. Write here the hosts that must always get in, such as the one that you administer this machine from, as in ["192.0.2.7", "2001:db8::/32"]; host names are not looked up.',
  ),
  hold: setting(
    kinds.duration('1s', '10m'),
    '20s',
    'How long the kernel by itself shuts out a source after an offence, until the daemon has judged. Make it longer when the daemon is often slow or restarted.',
  ),
  served: setting(
    kinds.duration('0s', '1d'),
    '10m',
    'How long a port counts as open after it was. Make it longer when your services take longer to restart, so that their clients are not locked out meanwhile.',
  ),
  peers: setting(
    kinds.duration('10s', '1d'),
    '10m',
    'How long a host to which a connection was opened from here counts as one that we talk to, which is never held. Make it longer when you use hosts seldom and cannot afford to lose one to a forged packet.',
  ),
  boot_grace: setting(
    kinds.duration('0s', '1h'),
    '60s',
    'How long after boot nobody new is held or locked out, while existing flies stay shut out. Make it longer when services of this machine start late.',
  ),
}

export const tableSettings = {
  chains: {
    input: list(
      kinds.chain,
      kinds.list('chain names', 'input'),
      'Chains of table inet filter to whose end start appends the jump for traffic to this machine, and from which stop removes it. Name the chain that ends in your drop policy, as in ["input"], or leave it empty when you write the jump yourself.',
    ),
    forward: list(
      kinds.chain,
      kinds.list('chain names', 'forward'),
      'The same for traffic that this machine forwards. Name a chain when the hosts behind this machine shall be protected as well.',
    ),
  },
  lockout: {
    first: setting(
      kinds.durationOrForever('1s', '3650d'),
      '1h',
      'How long the first lockout of a source lasts. Write "forever" when nobody shall ever come back by himself.',
    ),
    first_udp: setting(
      kinds.durationOrForever('1s', '3650d'),
      '10m',
      'The same where UDP was tried, whose sender is easily forged. Keep it short for that reason.',
    ),
    factor: setting(
      kinds.whole(1, 1000),
      6,
      'How many times longer each further lockout of the same source is. Write 1 when repeaters shall not be treated worse.',
    ),
    longest: optional(
      kinds.durationOrForever('1s', '3650d'),
      '7d',
      'No lockout is longer than this; where it is not written, it is as long as "first" and "first_udp" at least. Write "forever" when repeaters may end up shut out for good.',
    ),
  },
  sizes: {
    flypaper: setting(
      kinds.whole(16, 16_777_216),
      1_048_576,
      'Most flies of each address family that the kernel holds. Make it smaller on a machine with little memory.',
    ),
    hold: setting(
      kinds.whole(16, 16_777_216),
      65_536,
      'Most sources of each address family that are held at the same time. Make it larger where floods from many addresses are usual.',
    ),
    peers: setting(
      kinds.whole(16, 16_777_216),
      131_072,
      'Most hosts of each address family that are remembered as ones we talk to. Make it larger on a gate with many busy hosts behind it.',
    ),
  },
}

const lockout = z
  .strictObject(tableSettings.lockout)
  // Also where other settings are wrong: every mistake is shown at once.
  .superRefine(notShorter, { when: () => true })
  .transform(({ first, first_udp, factor, longest }) => ({
    first,
    firstUdp: first_udp,
    factor,
    longest: longest ?? longestOf(first, first_udp, parseDuration('7d')!),
  }))

export const schema = z
  .strictObject({
    ...topSettings,
    chains: table('chains', z.strictObject(tableSettings.chains)),
    lockout: table('lockout', lockout),
    sizes: table('sizes', z.strictObject(tableSettings.sizes)),
  })
  .transform(({ boot_grace, ...settings }): Settings => ({ ...settings, bootGrace: boot_grace }))

type Length = Seconds | Forever

type Lengths = { first: Length; first_udp: Length; longest?: Length | undefined }

function notShorter({ first, first_udp, longest }: Lengths, context: z.RefinementCtx): void {
  const firsts = [first, first_udp].filter(isLength)
  if (!isLength(longest) || firsts.length === 0) return
  const needed = longestOf(...firsts)
  if (longestOf(longest, needed) === longest) return
  const text = needed === 'forever' ? needed : kinds.exactly(needed)
  const problem = `is shorter than ${needed === first ? 'first' : 'first_udp'}, which is "${text}"`
  report(context, { problem, write: JSON.stringify(text) }, { path: ['longest'] })
}

/** The longest of them; "forever" is longer than any. */
function longestOf<T extends Length>(...lengths: T[]): T {
  return lengths.reduce((one, other) =>
    other === 'forever' || (one !== 'forever' && other > one) ? other : one,
  )
}

function isLength(value: unknown): value is Length {
  return value === 'forever' || typeof value === 'number'
}
