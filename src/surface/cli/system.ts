/** What the verbs need of the world, opened when a verb asks for it; main.ts passes the real one. */

import type { Firewall } from '../../arm/firewall.ts'
import type { Statement } from '../../arm/ruleset/spec.ts'
import type { Surroundings } from '../../arm/surroundings.ts'
import type { World } from '../../daemon/world.ts'
import type { LookAtFirewall } from '../../doctor/auto.ts'
import type { Facts } from '../../doctor/facts.ts'
import type { History } from '../../history/history.ts'
import type { WholeFile } from '../../keep/state-file.ts'
import type { OpenClone } from '../../prove/clone.ts'
import type { Live } from '../../prove/live.ts'
import type { RingFile } from '../../ring/read.ts'
import type { LogTo, NeverEntry, Settings } from '../../settings/settings.ts'
import type { Folders, ReadText, Unreadable } from '../../settings/sources.ts'
import type { Address } from '../../terms/address.ts'
import type { UnixSockets } from '../control/server.ts'
import type { PassedSocket } from '../web/serve.ts'
import type { Outside } from './outside.ts'
import type { Supervisor } from './supervisor.ts'
import type { Terminal } from './terminal.ts'

/** What the command line says of where things are. */
export interface Told {
  /** The verb runs the daemon. */
  readonly isDaemon?: boolean | undefined
  /** The control socket, absolute. */
  readonly socket?: string | undefined
  /** The state directory, absolute. */
  readonly state?: string | undefined
}

/** Whoever reads what the rules of a trap hand over. */
export interface Holder {
  /** Undefined where it cannot be seen: in another container. */
  readonly pid?: number
  readonly program: string
  /** Whether it is a flypaperd. */
  readonly isDaemon: boolean
}

/** systemctl(1) with these arguments; undefined where systemd does not run. */
export type Systemctl = (
  ...args: readonly string[]
) => Promise<{ readonly isDone: boolean; readonly text: string } | undefined>

export interface System {
  readonly version: string
  /** The control socket. */
  readonly socket: string
  /** The socket that has the counters alone. */
  readonly metricsSocket: string
  /** The directory of history and state file. */
  readonly state: string
  /** The unit of systemd whose process this is. */
  readonly unit: string | undefined
  /** Who runs the command, by his own account: a claim for the daemon, which asks the kernel as well. */
  readonly user: string
  /** The same beside what the kernel says: what is remembered where no daemon is. */
  readonly signature: string
  readonly pid: number
  readonly unixSockets: UnixSockets
  /** The sockets that systemd has opened for this process. */
  passedSockets(): readonly PassedSocket[]
  /** A file of the page, by a name of ours. Throws a Failure (69) where it is missing. */
  readonly pageFile: (file: string) => Uint8Array
  /** Gives back what the start and floods took; to be called now and then. `packets` counts all that came. */
  givingBack(packets: () => number): () => void
  readonly terminal: Terminal
  readonly surroundings: Surroundings
  readonly supervisor: Supervisor
  now(): number
  readonly readText: ReadText
  readonly folders: Folders
  /** The settings for a daemon, which waits for no disk; `isSettled`: once nobody is writing them any more. Rejects with a Failure (69, 77, 78). */
  readSettings(file: string | undefined, isSettled: boolean): Promise<Settings>
  /** A list that somebody made: a file, or standard input for `-`; longer ones than a setting may be. */
  readonly readList: ReadText
  /** Replaces a file that everybody may read, in one step. Rejects with a Failure (69, 77), and then nothing has changed. */
  writeForAll(path: string, text: string): Promise<void>
  /** The ruleset with flies that is loaded at boot. */
  readonly stateFile: WholeFile
  /** Who is on the never-list by hand, as the state directory says; nobody where it cannot be read. */
  neverByHand(): readonly NeverEntry[]
  openFirewall(): Firewall & Disposable
  readonly lookAtFirewall: LookAtFirewall
  /** What the doctor looks at, but for the settings. Changes nothing, and never throws a Failure. Takes two seconds where no resolver answers. */
  lookAround(): Promise<Omit<Facts, 'settings'>>
  /** Throw-away network namespaces for a proof. Throws a Failure (69). */
  readonly openClone: OpenClone
  /** The bytes of a capture file, as many as are looked at, or why there are none. Never throws. */
  readCaptureFile(path: string): { readonly bytes: Buffer; readonly isCut: boolean } | Unreadable
  /** The same of a database of countries or networks. */
  readDatabase(path: string): { readonly bytes: Buffer; readonly isCut: boolean } | Unreadable
  /** This machine, to be cloned. Throws a Failure (69). */
  readonly readLive: () => Promise<Live>
  /** The file in which `flypaperd outside` tells how it is. */
  readonly outsideStatus: string
  /** What needs the internet. `log`: where its log goes. */
  openOutside(log: LogTo): Promise<Outside>
  /** The history; that of the dry runs is another one. */
  openHistory(options?: { readOnly?: boolean; dryRun?: boolean }): History
  /** A history in memory, to try things out. */
  openScratch(): History
  /** The files of the ring, the oldest first. Throws a Failure (77). */
  readRing(): Iterable<RingFile>
  openWorld(options: { dryRun: boolean; log: LogTo }): World & Disposable
  /** Whoever has bound this queue or NFLOG group; undefined: nobody, or the kernel does not tell us. */
  holderOf(kind: Statement, number: number): Holder | undefined
  /** Tells a daemon to disarm and end; resolves to whether it did. Throws a Failure (77). */
  endDaemon(pid: number): Promise<boolean>
  readonly systemctl: Systemctl
  /** Tells of changes of addresses and routes. */
  watchRoutes(onChange: () => void, onError: (error: unknown) => void): Disposable
  /** Every address of a host name. Throws a Failure (1) when there is none. */
  resolve(name: string): Promise<readonly Address[]>
  /** Runs the handler at each of these signals, until disposed of. */
  onSignal(signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void): Disposable
}
