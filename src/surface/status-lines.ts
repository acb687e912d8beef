/** The six lines of `status`, as in 2006: what is there, what is missing, and why. Pure. */

import { isArmed } from '../arm/arm.ts'
import { listenedAt, type TableView } from '../arm/firewall.ts'
import { type ChainName, ENTRANCES, isOurs } from '../arm/names.ts'
import { ASLEEP } from '../keep/audit.ts'
import type { Settings } from '../settings/settings.ts'
import { CHANNELS } from '../terms/channel.ts'
import type { DaemonStatus } from './control/status-protocol.ts'
import { reachableByAll } from './reachable.ts'

export interface StatusLine {
  readonly label: string
  readonly ok: boolean
  readonly reason?: string | undefined
}

export interface Seen {
  readonly settings: Pick<Settings, 'capture'>
  readonly table: TableView | undefined
  /** What of the trap is not as it was armed, in words: a daemon that runs knows. */
  readonly fault?: string | undefined
  readonly supportsQueue: boolean
  readonly supportsLog: boolean
  readonly flies: number
  readonly forwards: boolean
  /** Whether any table has a default route. */
  readonly hasUplink: boolean
  readonly daemon: DaemonStatus | undefined
}

/** The line that says whether the trap is armed. */
export const INPUT = 'integration into input'

export function statusLines(seen: Seen): readonly StatusLine[] {
  return [
    kernelSupport(seen),
    flypaperSet(seen),
    input(seen),
    forward(seen),
    daemonProcess(seen),
    statement(seen),
  ]
}

function kernelSupport({ settings, supportsQueue, supportsLog }: Seen): StatusLine {
  const label = 'kernel support'
  if (supportsQueue && settings.capture !== 'log') return { label, ok: true, reason: 'queue' }
  if (supportsQueue) return { label, ok: true, reason: 'NFLOG, as the settings say' }
  if (supportsLog) return { label, ok: true, reason: 'NFLOG, this kernel has no nft_queue' }
  return { label, ok: false, reason: 'this kernel has neither nft_queue nor NFLOG' }
}

function flypaperSet({ table, flies }: Seen): StatusLine {
  const ok = ['flypaper', 'flypaper6'].every(name => table?.sets.some(set => set.name === name))
  return { label: 'flypaper set', ok, reason: ok ? (flies === 1 ? '1 fly' : `${flies} flies`) : undefined }
}

function input({ table, fault, daemon }: Seen): StatusLine {
  const label = INPUT
  if (table?.flags?.includes('dormant')) return { label, ok: false, reason: ASLEEP }
  if (table === undefined || !isArmed(table)) return { label, ok: false, reason: fault }
  if (fault !== undefined) return { label, ok: false, reason: `not as it was armed: ${fault}` }
  if (isHooked(table, 'flypaper_listening')) {
    const chosen = daemon?.auto === undefined ? '' : ', by "auto"'
    const closed = isHooked(table, 'flypaper_end_input') ? 'what nobody accepts' : 'where nobody listens'
    return { label, ok: true, reason: `closed is ${closed}${chosen}` }
  }
  const from = jumpsTo(table, ENTRANCES.input)
  return from.length > 0
    ? { label, ok: true, reason: from.join(', ') }
    : { label, ok: false, reason: `no rule jumps to ${ENTRANCES.input}` }
}

function forward({ table, forwards, hasUplink }: Seen): StatusLine {
  const label = 'integration into forward'
  if (table?.flags?.includes('dormant')) return { label, ok: false, reason: 'asleep, too' }
  if (table === undefined || !isArmed(table)) return { label, ok: false }
  const from = jumpsTo(table, ENTRANCES.forward)
  if (from.length > 0) return { label, ok: true, reason: from.join(', ') }
  if (!forwards) return { label, ok: true, reason: 'nothing is forwarded here' }
  if (isHooked(table, 'flypaper_end_forward')) {
    if (!hasUplink)
      return { label, ok: false, reason: 'there is no default route: nothing forwarded is watched' }
    return { label, ok: true, reason: 'closed is what nobody accepts' }
  }
  if (isHooked(table, 'flypaper_listening')) {
    return {
      label,
      ok: true,
      reason: 'flies are dropped; closed = "listening" judges nothing that is forwarded',
    }
  }
  return { label, ok: false, reason: `no rule jumps to ${ENTRANCES.forward}` }
}

function isHooked(table: TableView, name: ChainName): boolean {
  return table.chains.some(chain => chain.name === name && chain.hook !== undefined)
}

function jumpsTo(table: TableView, entrance: string): string[] {
  const chains = table.rules
    .filter(rule => rule.targets.includes(entrance) && !isOurs(rule.chain))
    .map(rule => rule.chain)
  return [...new Set(chains)].map(chain => `jump at chain ${chain}`)
}

function daemonProcess({ table, daemon }: Seen): StatusLine {
  const label = 'process'
  if (daemon === undefined) return { label, ok: false, reason: orphan(table) }
  const { pid, dryRun, pausedUntil } = daemon
  const paused =
    pausedUntil === undefined
      ? ''
      : `, paused until ${new Date(pausedUntil).toISOString()}: nobody new is held`
  const hanging = hangingText(daemon)
  return { label, ok: true, reason: `pid ${pid}${dryRun ? ', dry run' : ''}${paused}${hanging}` }
}

function hangingText({ history }: DaemonStatus): string {
  const since = history?.hangsSince
  return since === undefined ? '' : `, the history hangs since ${new Date(since).toISOString()}`
}

/** Whoever has loaded a listing of the trap, or killed its daemon, shall know what becomes of it. */
function orphan(table: TableView | undefined): string | undefined {
  if (table === undefined || !isArmed(table) || listenedAt(table) === undefined) return undefined
  return 'the trap is in the kernel, but nobody judges: whoever touches a closed port is held for some seconds only, and flies are not freed. Mend it by: flypaperd start. Take it out by: flypaperd stop'
}

/** Packets that the kernel handed over and that never came are told here: their senders were held, and not judged. */
function statement({ table, daemon }: Seen): StatusLine {
  const label = 'queue or NFLOG statement'
  const found = listenedAt(table)
  if (found === undefined) return { label, ok: false }
  const what = found.kind === 'queue' ? 'queues' : 'NFLOG groups'
  const which = `${what} ${found.number} to ${found.number + CHANNELS.length - 1}`
  const { lost = 0, overruns = 0 } = daemon?.counts ?? {}
  const missed = [
    ...(lost === 0 ? [] : [`${lost} packets lost`]),
    ...(overruns === 0 ? [] : [`${overruns} overruns`]),
  ]
  return { label, ok: true, reason: [which, ...missed].join(', ') }
}

/** Where the settings come from that are in force, and what of this machine they cannot reach. */
export function settingsLines({
  settings,
  never = 0,
  neverByHand = 0,
  neverFiles = [],
  neverFilesHangSince: since,
  names = [],
  reachable = { public: [], doors: [] },
  remarks = [],
  dryRun,
}: DaemonStatus): readonly string[] {
  if (settings === undefined) return []
  const still = dryRun ? undefined : reachableByAll(reachable)
  return [
    `settings: ${settings.length === 0 ? 'the defaults, from no file' : settings.join(', ')}`,
    ...(never === 0
      ? []
      : [
          `never-list: ${[countText(never), ...neverFiles.map(fileText), ...(neverByHand > 0 ? [`${neverByHand} by hand`] : [])].join(', ')}`,
        ]),
    ...(since === undefined
      ? []
      : [
          `never_files: they do not answer since ${new Date(since).toISOString()}: what they said before stays in force. Look at their disk and its mount; flypaperd needs no restart`,
        ]),
    ...(names.length === 0 ? [] : [`known by name: ${names.map(nameText).join('; ')}`]),
    ...(still === undefined ? [] : [`still reachable for who sticks: ${still}`]),
    ...remarks.map(remark => `note: ${remark}`),
  ]
}

/** `home.example.net (203.0.113.9, 2001:db8:7::9)`. */
function nameText({ name, hosts }: { name: string; hosts: readonly string[] }): string {
  return `${name} (${hosts.length === 0 ? 'nobody has looked it up yet' : hosts.join(', ')})`
}

/** What is not in the history, and what to do about it. */
export function historyLines({ history, state }: DaemonStatus): readonly string[] {
  if (history === undefined) return []
  const { hangsSince, waiting, lost } = history
  const where = state === undefined ? '' : ` of ${state}`
  const numbers = `${waiting} lockouts and releases wait in memory, ${lost} are lost`
  if (hangsSince !== undefined)
    return [
      `history: the disk${where} does not answer since ${new Date(hangsSince).toISOString()}. ${numbers}. Locking out goes on, but nobody is known from before. Look at that disk and its mount; flypaperd needs no restart`,
    ]
  return waiting + lost === 0 ? [] : [`history: ${numbers}`]
}

/** How far the ring reaches back, and what it lacks; nothing of one that is off and empty. */
export function ringLines({ ring }: DaemonStatus): readonly string[] {
  if (ring === undefined || (!ring.on && ring.bytes === 0)) return []
  const { on, since, bytes, tooMany, tooSlow } = ring
  const missing = [
    ...(tooMany === 0 ? [] : [`${tooMany} packets left out, since there were too many`]),
    ...(tooSlow === 0 ? [] : [`${tooSlow} since the disk was too slow`]),
  ]
  const reach = since === undefined ? 'empty yet' : `since ${new Date(since).toISOString()}`
  const size = `${(bytes / 1024 ** 2).toFixed(1)} MB`
  return [`ring: ${[on ? 'on' : 'off, and what is left grows old', reach, size, ...missing].join(', ')}`]
}

/** `1 prefix`. */
export function countText(prefixes: number): string {
  return prefixes === 1 ? '1 prefix' : `${prefixes} prefixes`
}

/** `12 of /etc/flypaperd/never.d/cdn.txt`. */
export function fileText({ file, prefixes }: { file: string; prefixes: number }): string {
  return `${prefixes} of ${file}`
}

/** What more a running daemon has to tell, of whom it did not lock out and why. Nothing is told of what there is none. */
export function sparedLines({ counts }: DaemonStatus): readonly string[] {
  const spared = Object.entries({ ...counts.kernel, ...added(counts.spared, counts.kernel) })
    .filter(([, packets]) => packets > 0)
    .map(([reason, packets]) => `${packets} ${reason}`)
  return [
    ...(spared.length === 0 ? [] : [`packets spared: ${spared.join(', ')}`]),
    ...(counts.deferred === 0 ? [] : [`promotion limit: ${counts.deferred} sources held only`]),
    ...(counts.overflow === 0 ? [] : [`flypaper full: ${counts.overflow} offenders held only`]),
    ...(counts.again === 0 ? [] : [`locked out already: ${counts.again} offences more`]),
    ...(counts.logLost === 0 ? [] : [`log: ${counts.logLost} lines lost, nobody took them in time`]),
  ]
}

type Numbers = Readonly<Record<string, number>>

function added(one: Numbers, other: Numbers): Numbers {
  return Object.fromEntries(Object.entries(one).map(([key, number]) => [key, number + (other[key] ?? 0)]))
}
