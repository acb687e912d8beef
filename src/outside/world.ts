/** What `flypaperd outside` needs of the world; system/outside-world.ts has the real one. */
import type { Log } from '../log/log.ts'
import type { MailServer, Secret } from '../settings/settings.ts'
import type { Unreadable } from '../settings/sources.ts'
import type { GeoWorld } from '../surface/cli/geo.ts'
import type { Report } from '../surface/cli/report-text.ts'
import type { EventLine } from '../surface/control/protocol.ts'
import type { DaemonStatus } from '../surface/control/status-protocol.ts'
import type { StatusLine } from '../surface/status-lines.ts'
import type { Address } from '../terms/address.ts'
import type { NamesWorld } from './names.ts'

export interface World {
  /** Of this machine, for subjects. */
  readonly host: string
  readonly log: Log
  /** Milliseconds since the epoch. */
  now(): number
  /** Seconds, never stepped. */
  clock(): number
  readonly daemon: Daemon
  readonly carriers: Carriers
  /** What is kept over a restart: a text, or undefined where there is none. */
  readonly memory: { read(): string | undefined; write(text: string): void }
  /** What `flypaperd status` reads. */
  tellStatus(text: string): void
  /** Who has logged in lately, from where. */
  lastLogins(): { readonly addresses: readonly Address[] } | Unreadable
  /** Asks the resolvers of this machine. */
  readonly resolve: NamesWorld['resolve']
  readonly readDatabase: GeoWorld['readDatabase']
}

/** The running daemon, through a socket that lets us read. */
export interface Daemon {
  /** How it is; undefined: none answers. Throws a Failure when we may not ask. */
  look(): Promise<Look | undefined>
  /** What happens after this id, or from now on where there is none, also of the next daemon. Ends by the signal. */
  readonly events: Feed
  /** Throws when none answers. */
  report(since: number): Promise<Report>
  /** Every lockout since then, a page at a time. Throws when none answers. */
  lockouts(since: number): AsyncIterable<readonly { readonly source: string }[]>
  /** Which hosts a name of the settings has. */
  readonly tellNames: NamesWorld['tell']
}

export interface Look {
  readonly lines: readonly StatusLine[]
  readonly status: DaemonStatus
}

export type Feed = (from: {
  readonly after: string | undefined
  readonly signal: AbortSignal
}) => AsyncIterable<EventLine>

/** The ways out of here. Each rejects with a Failure whose text holds no secret, and never takes longer than a minute. */
export interface Carriers {
  /** The text of a secret. Throws a Failure: it is missing, or others may read it. */
  read(secret: Secret): string
  mail(letter: Letter): Promise<void>
  post(parcel: Parcel): Promise<void>
  run(program: readonly string[], input: string, environment: Readonly<Record<string, string>>): Promise<void>
}

export interface Letter {
  readonly server: MailServer
  readonly password: string | undefined
  readonly caFile: string | undefined
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  readonly kind: string
}

export interface Parcel {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly caFile: string | undefined
  readonly body: string
}
