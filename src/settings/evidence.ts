/** The table [evidence]: what counts against a source, how much, and for how long. */
import * as z from 'zod'
import { list, optional, setting, tableOf } from './bridge.ts'
import { EXCUSABLE, SISTERS } from './honest.ts'
import * as kinds from './kinds.ts'

/** What each class weighs, before anybody has written anything. */
const PRESETS = {
  stranger: { excusable: 2, closed: 6, illegal: 6, window: '1h', fade: '1h' },
  peer: { closed: 2, illegal: 2, window: '10m', fade: '1d', longest: '1h' },
  known: { excusable: 1, closed: 2, illegal: 2, window: '1h', fade: '1d', longest: '1h' },
} as const

const weight = kinds.whole(0, 100)
const WHAT = {
  excusable:
    'what honest hosts send too: late packets, service ports of UDP, the ports of the three lists below',
  closed: 'any other port that nobody takes',
  illegal:
    'flags that no connection carries, questions that only scanners ask, headers that hide what is wanted',
  window: 'how long each port counts',
  fade: 'how long it counts half then, rounded down, counted from its try',
  longest: 'the longest lockout that it brings',
} as const

function weights({ closed, illegal, window, fade }: (typeof PRESETS)['stranger' | 'peer' | 'known']) {
  return {
    closed: setting(weight, closed, WHAT.closed),
    illegal: setting(weight, illegal, WHAT.illegal),
    window: setting(kinds.duration('1s', '7d'), window, WHAT.window),
    fade: setting(kinds.duration('1s', '7d'), fade, WHAT.fade),
  }
}

function excusable(preset: (typeof PRESETS)['stranger' | 'known']) {
  return setting(weight, preset.excusable, WHAT.excusable)
}

function capped(preset: (typeof PRESETS)['peer' | 'known']) {
  const longest = setting(kinds.durationOrForever('1s', '3650d'), preset.longest, WHAT.longest)
  return { ...weights(preset), longest }
}

export const classSettings = {
  stranger: { excusable: excusable(PRESETS.stranger), ...weights(PRESETS.stranger) },
  peer: capped(PRESETS.peer),
  known: { excusable: excusable(PRESETS.known), ...capped(PRESETS.known) },
}

export const evidenceSettings = {
  threshold: setting(
    kinds.whole(1, 1000),
    6,
    `The sum at which a source is locked out. Each source, protocol and port counts once within its window, and weighs what the three tables below say: "excusable" is ${WHAT.excusable}; "illegal" ${WHAT.illegal}; "closed" ${WHAT.closed}. "window" is ${WHAT.window}, "fade" ${WHAT.fade}, where that is longer, "longest" ${WHAT.longest}. A weight of 0 counts nothing. \`flypaperd why\` shows the sum.`,
  ),
  stranger: tableOf(
    'evidence.stranger',
    z.strictObject(classSettings.stranger),
    PRESETS.stranger,
    'What the ports of a host weigh that nothing is known of: one closed port is enough, three excusable ones are. Write { closed = 3 } or { closed = 2 } when your users mistype ports: then two or three different ones are needed, and each of them is held.',
  ),
  peer: tableOf(
    'evidence.peer',
    z.strictObject(classSettings.peer),
    PRESETS.peer,
    'The same for a host that this machine talks to, or that others behind it do: anybody can forge a packet in its name. Answers to what it was asked weigh nothing, and what else is excusable weighs as any closed port. Two different ones in ten minutes are free, and four in a day. Write fade = "10m" where hosts that you use call back at ports that are closed by then, another one each time.',
  ),
  known: tableOf(
    'evidence.known',
    z.strictObject(classSettings.known),
    PRESETS.known,
    'The same for a client to whom a service here has sent data or a farewell. Two different closed ports in an hour are free, and four in a day: what is excusable weighs so little that it does not last. Write fade = "1h" where many people behind one address mistype ports: then 48 are.',
  ),
  ping: optional(
    kinds.choice('never', 'silence', 'offence'),
    'never',
    'What a ping is: "never" is answered as without flypaperd, "silence" gets no answer, "offence" locks its sender out. Write "offence" on a host that nobody has a reason to ping: it catches scanners by their first packet.',
  ),
  noise: optional(
    kinds.choice('silence', 'offence'),
    'silence',
    'What UDP for DHCP, NetBIOS, SSDP, WS-Discovery, mDNS and LLMNR is when it comes to this host alone. Write "offence" on a public server that has no neighbours.',
  ),
  protocols: optional(
    kinds.choice('never', 'offence'),
    'offence',
    'What IP protocols are that no tunnel, routing or redundancy service is known for. Write "never" where you use one of your own.',
  ),
  silent: list(
    kinds.silentPort,
    kinds.list('protocols and ports', 'tcp/113'),
    'Closed ports whose sender gets no answer, and no lockout; the packet goes on to your own chains. Write here what honest clients try by mistake, such as ["tcp/80", "tcp/113", "udp/514"]; ranges whose ports come and go while strangers send to them, such as "udp/10000-20000" (RTP and RTCP of a telephone exchange); and where somebody knocks (port knocking, fwknop).',
  ),
  excusable: list(
    kinds.silentPort,
    kinds.list('protocols and ports', 'tcp/179'),
    'Closed ports that honest hosts ask for without being asked: each weighs what "excusable" says, gets no answer, and two of them lock nobody out. What you write stands in place of the default, so repeat what you want to keep of it. Add the ports of services that other hosts ask for before they are up for the first time, such as "tcp/179" (BGP), "udp/4789" (VXLAN) or "tcp/80" (certbot). A port that was open is excusable by itself for as long as it was seen open, a day at most, unless it is one of those from which this machine opens connections: write it here then. 1,024 ports at most.',
    EXCUSABLE.map(({ ports }) => ports),
    kinds.fewPorts(),
  ),
  sisters: list(
    kinds.sisterPorts,
    kinds.list('texts of two or more protocols and ports', 'tcp/80 tcp/443'),
    'Ports that clients try one after the other: where one of a line is served now, the others are excusable. Each makes a scan cheaper; write [] where nobody guesses. 1,024 ports at most.',
    SISTERS.map(({ ports }) => ports),
    kinds.fewPorts(),
  ),
}
