/**
 * Every setting: its name, kind, default, and the sentences that docs/settings.md shows.
 *
 * zod walks the document and collects what is wrong in all of it; the kinds do the reading (bridge.ts).
 */
import * as z from 'zod'
import { parseDuration, type Seconds } from '../terms/duration.ts'
import { list, optional, report, setting, table } from './bridge.ts'
import * as kinds from './kinds.ts'
import { prefix } from './never.ts'
import { type Forever, LOG_TO, type Settings } from './settings.ts'

/** The settings before the first table. */
export const topSettings = {
  closed: setting(
    kinds.choice('auto', 'unmatched', 'listening', 'unaccepted'),
    'auto',
    'What a closed port is: "unmatched" is what no rule of your own chains took, "listening" is what no socket of this machine listens for, "unaccepted" is that and what the rules of any other firewall refuse, and "auto" is what doctor recommends, now and whenever the rules beside it have changed: "unmatched" where [chains] names a chain or a chain of yours that refuses jumps to flypaperd, "unaccepted" beside any other firewall that refuses something, "listening" where there is none, and in every case of doubt.',
  ),
  capture: setting(
    kinds.choice('auto', 'queue', 'log'),
    'auto',
    'How packets reach the daemon: by nfnetlink_queue, by NFLOG, or by the queue where this kernel has it. Write "log" when the ruleset must load on kernels without nft_queue.',
  ),
  number: setting(
    kinds.whole(1, 65531),
    4242,
    'The queue numbers or NFLOG groups that are used are this one and the next three; closed = "unaccepted" uses the NFLOG group after them as well. Change it when another program has one of them.',
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
  known: setting(
    kinds.duration('10s', '1d'),
    '10m',
    'How long a client that has opened a whole connection from outside counts as known, which is not held for one packet. Make it longer when your clients come seldom and somebody forges packets in their names.',
  ),
  dry_run: setting(
    kinds.yesOrNo,
    false,
    'Whether flypaperd only says whom it would lock out, and holds, drops and answers nothing differently. Write true to see for some days what it would do here.',
  ),
  log: setting(
    kinds.choice(...LOG_TO),
    'auto',
    'Where the log goes: "journal" is standard error where systemd reads it, "stderr" is standard error with a date on each line, "syslog" is /dev/log, "json" is standard error with an object on each line, and "auto" is the journal under systemd, else the terminal that flypaperd was started on, else syslog where somebody listens there, else standard error. What cannot be reached is replaced by standard error, which tells so. Write "json" where a program reads it, as in a pod.',
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
  grades: {
    ping: setting(
      kinds.choice('never', 'silence', 'offence'),
      'never',
      'What a ping is: "never" is answered as without flypaperd, "silence" gets no answer, "offence" locks its sender out. Write "offence" on a host that nobody has a reason to ping: it catches scanners by their first packet.',
    ),
    noise: setting(
      kinds.choice('silence', 'offence'),
      'silence',
      'What UDP for DHCP, NetBIOS, SSDP, WS-Discovery, mDNS and LLMNR is when it comes to this host alone. Write "offence" on a public server that has no neighbours.',
    ),
    protocols: setting(
      kinds.choice('never', 'offence'),
      'offence',
      'What IP protocols are that no tunnel, routing or redundancy service is known for. Write "never" where you use one of your own.',
    ),
    silent: list(
      kinds.silentPort,
      kinds.list('protocols and ports', 'tcp/113'),
      'Closed ports whose sender gets no answer, and no lockout; the packet goes on to your own chains. Write here what honest clients try by mistake, such as ["tcp/80", "tcp/113", "udp/514"], and where somebody knocks (port knocking, fwknop).',
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
    longest_forgeable: optional(
      kinds.durationOrForever('1s', '3650d'),
      '1d',
      'The same where the evidence could be forged: all but the scans of a client that has opened a whole connection before. Where it is not written, it is as long as "first" and "first_udp" at least. Make it longer when nobody would bother to forge packets against you.',
    ),
    strikes: setting(
      kinds.whole(1, 100),
      1,
      'How many offences within strike_window it takes until a source is locked out. Each of them is held. Write 2 or 3 when your users mistype ports.',
    ),
    strike_window: setting(
      kinds.duration('1s', '1d'),
      '10m',
      'How long an offence counts, where strikes asks for more than one.',
    ),
  },
  promotion: {
    per_second: setting(
      kinds.whole(0, 1_000_000),
      10,
      'How many sources a second are locked out in the long run, those that come again first; the others are held only, again and again. It keeps somebody who forges thousands of sources from filling the flypaper with innocents. Write 0 for no limit.',
    ),
    burst: setting(
      kinds.whole(1, 1_000_000),
      500,
      'How many are locked out at once when there were none for a while.',
    ),
  },
  history: {
    keep: setting(
      kinds.durationOrForever('1d', '36500d'),
      '365d',
      'How long a lockout is remembered after its end; of each day the totals stay for ever. Make it longer when repeaters shall be known after years, shorter where addresses may not be kept.',
    ),
    most: setting(
      kinds.whole(1000, 100_000_000),
      1_000_000,
      'Most lockouts that are remembered, besides those in force. When there are more, single ones go first: what a person did, several ports and repeaters each have a quarter that those cannot take. A million take 120 to 135 MB of IPv4, 180 to 250 MB of IPv6.',
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
    known: setting(
      kinds.whole(16, 16_777_216),
      131_072,
      'Most clients of each address family that are remembered as known. Make it larger on a server with very many clients.',
    ),
  },
}

const lockout = z
  .strictObject(tableSettings.lockout)
  // Also where other settings are wrong: every mistake is shown at once.
  .superRefine(notShorter, { when: () => true })
  .transform(({ first, first_udp, factor, longest, longest_forgeable, strikes, strike_window }) => ({
    first,
    firstUdp: first_udp,
    factor,
    longest: longest ?? longestOf(first, first_udp, parseDuration('7d')!),
    longestForgeable: longest_forgeable ?? longestOf(first, first_udp, parseDuration('1d')!),
    strikes,
    strikeWindow: strike_window,
  }))

const promotion = z
  .strictObject(tableSettings.promotion)
  .transform(({ per_second, burst }) => ({ perSecond: per_second, burst }))

export const schema = z
  .strictObject({
    ...topSettings,
    chains: table('chains', z.strictObject(tableSettings.chains)),
    grades: table('grades', z.strictObject(tableSettings.grades)),
    lockout: table('lockout', lockout),
    promotion: table('promotion', promotion),
    history: table('history', z.strictObject(tableSettings.history)),
    sizes: table('sizes', z.strictObject(tableSettings.sizes)),
  })
  .transform(
    ({ boot_grace, dry_run, ...settings }): Settings => ({
      ...settings,
      bootGrace: boot_grace,
      dryRun: dry_run,
    }),
  )

type Length = Seconds | Forever

type Lengths = {
  first: Length
  first_udp: Length
  longest?: Length | undefined
  longest_forgeable?: Length | undefined
}

function notShorter(lengths: Lengths, context: z.RefinementCtx): void {
  const { first, first_udp } = lengths
  const firsts = [first, first_udp].filter(isLength)
  if (firsts.length === 0) return
  const needed = longestOf(...firsts)
  const text = needed === 'forever' ? needed : kinds.exactly(needed)
  const problem = `is shorter than ${needed === first ? 'first' : 'first_udp'}, which is "${text}"`
  for (const name of ['longest', 'longest_forgeable'] as const) {
    const longest = lengths[name]
    if (!isLength(longest) || longestOf(longest, needed) === longest) continue
    report(context, { problem, write: JSON.stringify(text) }, { path: [name], isAcross: true })
  }
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
