/**
 * Every setting: its name, kind, default, and the sentences that docs/settings.md shows.
 *
 * zod walks the document and collects what is wrong in all of it; the kinds do the reading (bridge.ts).
 */
import * as z from 'zod'
import { parseDuration } from '../terms/duration.ts'
import { list, optional, setting, table } from './bridge.ts'
import { evidenceSettings } from './evidence.ts'
import { geoSettings } from './geo.ts'
import { namesSetting } from './host-names.ts'
import * as kinds from './kinds.ts'
import { legacyGrades, legacyLockout } from './legacy.ts'
import { lengthsOf, notShorter } from './lengths.ts'
import { autoOrPrefixes, prefix } from './never.ts'
import { unread } from './never-files.ts'
import { notify, notifySettings } from './notify.ts'
import { LOG_TO, type Settings } from './settings.ts'
import { sharedSettings } from './shared.ts'

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
    kinds.whole(1, 65529),
    4242,
    'The queue numbers or NFLOG groups that are used are this one and the next four; closed = "unaccepted" uses the NFLOG group after them as well, and history.samples_per_second the one after that. Change it when another program has one of them.',
  ),
  never: list(
    prefix,
    kinds.list('addresses and prefixes', '192.0.2.7'),
    'Sources that are never judged, held or locked out. Write here the hosts that must always get in, such as the one that you administer this machine from, as in ["192.0.2.7", "2001:db8::/32"]; host names are not looked up. `flypaperd never add` adds others without the settings, for a time or for good.',
  ),
  never_files: list(
    kinds.path,
    kinds.list('paths of files', '/etc/flypaperd/never.d/cdn.txt'),
    'Files with more of them, one address or prefix a line, with # for comments: lists that a CDN, a load balancer or a payment service publishes, 200,000 prefixes in all. "/etc/flypaperd/never.d/" means all in it that end in .txt or .list. A file that changes is read again within a minute; one that is gone or has a mistake in it leaves in force what it said, and is told in the log, but keeps the daemon from starting. Nothing wider than /8, in IPv6 /16, is taken from a file.',
  ),
  names: namesSetting,
  public: list(
    kinds.silentPort,
    kinds.list('protocols and ports', 'tcp/443'),
    'Ports that everybody knows, and that stay reachable for whoever is held or locked out, unless that was by hand: here or behind this machine, each as strangers call it. Write ["tcp/80", "tcp/443", "udp/443"] where strangers are served all day, so that no forged packet keeps a visitor, a crawler or a content network from your site.',
  ),
  doors: setting(
    kinds.yesOrNo,
    true,
    "Whether the ports of this kernel's WireGuard interfaces stay reachable for whoever is held or locked out, also by hand: your way in when you have locked yourself out. WireGuard is silent to whoever has no key, so a scanner learns nothing by it. Write false where a lockout shall end the tunnels of its source as well.",
  ),
  inside: setting(
    autoOrPrefixes,
    'auto',
    'Networks behind this machine, where it forwards packets. What their hosts send on by an interface of a default route never counts against them, and they keep it while they are locked out; whatever else they do is judged as everybody\'s. "auto" takes what lies on links of this machine by which no route leads to a gateway, but for the guests of this machine itself, on bridges without a wire; `flypaperd doctor` names it. Write the networks where there is another router among them, as in ["192.168.7.0/24", "2001:db8:7::/48"], or [] for none.',
  ),
  ingress: list(
    kinds.device,
    kinds.list('names of interfaces', 'eth0'),
    'Devices at whose ingress whoever is held or locked out is dropped already, before a flowtable takes what he sends past all rules: write those that your flowtables name, as in ["eth0", "ppp0"]; `flypaperd doctor` says which these are. Each packet by these devices asks once more who sticks, whosever it is. One that is not here is left out, and taken up when it comes. What may be the answer to a connection that was opened from here or behind us goes on, as do frames for others, so through a bridge. Of what is in a flowtable only the end makes a client known: make `known` longer, too, as in "1d", so that a single forged packet ends no connection of whoever was here before. Needs Linux 5.10 with CONFIG_NETFILTER_INGRESS.',
    [],
    kinds.devices,
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
    'How long a host to which a connection was opened from here counts as one that we talk to, which is not held for one packet. Make it longer when you use hosts seldom and cannot afford to lose one to a forged packet.',
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
  evidence: evidenceSettings,
  shared: sharedSettings,
  lockout: {
    first: setting(
      kinds.durationOrForever('1s', '3650d'),
      '10m',
      'How long a source is locked out that has tried one closed port: little, for a mistyped port, or a picture in a page. Write "forever" when nobody shall ever come back by himself.',
    ),
    several: optional(
      kinds.durationOrForever('1s', '3650d'),
      '1h',
      'How long, when it has tried several different ones, now and in the visits that are remembered. Where it is not written, it is as long as "first" at least.',
    ),
    many: optional(
      kinds.durationOrForever('1s', '3650d'),
      '1d',
      'How long, when they were many. Where it is not written, it is as long as "several" at least.',
    ),
    many_ports: setting(kinds.whole(2, 64), 10, 'How many different ports are many.'),
    remember: setting(
      kinds.duration('0s', '365d'),
      '7d',
      'How long after the end of a lockout its ports count when the source comes again. Make it shorter where many people share addresses; with "0s" each visit stands alone.',
    ),
    longest_forgeable: optional(
      kinds.durationOrForever('1s', '3650d'),
      '1d',
      'No lockout by evidence that can be forged is longer, and nearly everything can be. Where it is not written, it is as long as "many" at least. Make it longer when nobody would bother to forge packets against you.',
    ),
    while_trying: setting(
      kinds.yesOrNo,
      true,
      'Whether a lockout for several ports goes on while its source does: whose packets still come in the second half of it stays as long again, as often as it takes, up to longest_forgeable in all. Not one for a single port, nor of a host that is known or used from here, whose own programs go on by themselves; nor one that a person gave its end. Each packet of a fly is counted for that. Write false where a lockout shall end after its time whatever comes: a client whose programs try by themselves gets in again then.',
    ),
    whole_prefixes: setting(
      kinds.yesOrNo,
      false,
      'Whether an IPv6 /56 of which 16 networks tried a closed port each within an hour, each another one, is locked out as a whole, for ten minutes at most, as is a /48 of which 16 /56s did: public ports are shut for it as well. Never one in which anybody lives who is known or talked to, nor one of our links, of `never` or inside. Whoever forges 16 packets shuts out all strangers there; write true on a host whose clients are known. Without it the hosts of such a prefix are held at their first excusable port.',
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
      'Most lockouts that are remembered, besides those in force. When there are more, single ones go first: what a person did, several ports and repeaters each have a quarter that those cannot take. A million take 127 to 150 MB of IPv4, 187 to 260 MB of IPv6; several ports some more.',
    ),
    samples_per_second: setting(
      kinds.whole(0, 1000),
      0,
      'How many packets a second, of all who stick together, the daemon is told of, so that `why` and `report` know which ports they go on to try: a sample, of which up to 32 ports are remembered of each fly, and 10,000 flies. It is no evidence, and whoever forges a fly adds to it. Each packet of a fly costs the kernel more then. Write 10 where that is worth it; 0 is none.',
    ),
  },
  ring: {
    on: setting(
      kinds.yesOrNo,
      false,
      'Whether the packets that the kernel hands over are kept on the disk for a while, so that `flypaperd what-if` can put them through other settings, and Wireshark can show them: the first 128 bytes of each, in the state directory, readable by root and the user of the daemon alone. Those are packets of people. Written false again, what is there goes when it is too old.',
    ),
    size: setting(
      kinds.bytes('1MB', '4GB'),
      '64MB',
      'How much room they take at most; the oldest make room. What led to no lockout may fill it once a day at most, so that a flood does not push out what you want to see: where `status` says that many packets were left out, make it larger.',
    ),
    age: setting(
      kinds.duration('1h', '90d'),
      '7d',
      'How long they are kept at most. Make it shorter where addresses may not be kept.',
    ),
  },
  geo: geoSettings,
  notify: notifySettings,
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
  .strictObject({ ...tableSettings.lockout, ...legacyLockout })
  // Also where other settings are wrong: every mistake is shown at once.
  .superRefine(notShorter, { when: () => true })

const promotion = z
  .strictObject(tableSettings.promotion)
  .transform(({ per_second, burst }) => ({ perSecond: per_second, burst }))

const history = z
  .strictObject(tableSettings.history)
  .transform(({ samples_per_second, ...kept }) => ({ ...kept, samplesPerSecond: samples_per_second }))

export const schema = z
  .strictObject({
    ...topSettings,
    chains: table('chains', z.strictObject(tableSettings.chains)),
    evidence: table('evidence', z.strictObject(evidenceSettings)),
    grades: legacyGrades,
    shared: table('shared', z.strictObject(tableSettings.shared)),
    lockout: table('lockout', lockout),
    promotion: table('promotion', promotion),
    history: table('history', history),
    ring: table('ring', z.strictObject(tableSettings.ring)),
    geo: table('geo', z.strictObject(tableSettings.geo)),
    notify: table('notify', notify),
    sizes: table('sizes', z.strictObject(tableSettings.sizes)),
  })
  .transform(
    ({ boot_grace, dry_run, never_files, evidence, grades, shared, lockout, ...settings }): Settings => {
      const { threshold, stranger, peer, known, silent, ...traffic } = evidence
      return {
        ...settings,
        neverFiles: unread(never_files),
        neverByHand: [],
        bootGrace: boot_grace,
        dryRun: dry_run,
        evidence: {
          threshold,
          stranger: strangersOf(threshold, stranger, lockout),
          peer: { ...peer, excusable: peer.closed },
          known,
          ping: traffic.ping ?? grades.ping ?? 'never',
          noise: traffic.noise ?? grades.noise ?? 'silence',
          protocols: traffic.protocols ?? grades.protocols ?? 'offence',
          silent: [...silent, ...grades.silent],
          excusable: traffic.excusable,
          sisters: traffic.sisters,
        },
        shared: { single: shared.single, holdOnly: shared.hold_only },
        lockout: lengthsOf(lockout),
      }
    },
  )

type Lockout = z.output<typeof lockout>

/** Nobody is known by the name of a stranger: the length goes by the ports alone. `strikes` was the number of offences that it took. */
function strangersOf(
  threshold: number,
  weights: z.output<typeof evidenceSettings.stranger>,
  { strikes, strike_window }: Lockout,
): Settings['evidence']['stranger'] {
  const longest = 'forever'
  if (strikes === undefined || strikes === 1) return { ...weights, longest }
  const each = Math.max(1, Math.floor(threshold / strikes))
  return { ...weights, closed: each, illegal: each, window: strike_window ?? parseDuration('10m')!, longest }
}
