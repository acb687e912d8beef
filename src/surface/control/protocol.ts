/**
 * What is spoken over the control socket: HTTP/1.1 with JSON bodies, version 1. The table of it is endpoints.ts.
 *
 * `restart` of one version relieves the daemon of another, so an answer loses nothing, and what is added to it may be missing.
 */
import * as z from 'zod'
import type { FeedPage } from '../../history/feed.ts'
import { isAfter } from '../../history/feed-position.ts'
import { PROTOS } from '../../history/selection.ts'
import { NAME_HOSTS_MAX, NAME_SECONDS_MAX } from '../../settings/host-names.ts'
import type { StatusLine } from '../status-lines.ts'
import type { NeverControl } from './never-protocol.ts'
import type { Past } from './past.ts'
import type { DaemonStatus } from './status-protocol.ts'
import type {
  ForgetAnswer,
  ForgetRequest,
  TestifyAnswer,
  TestifyRequest,
  WithdrawAnswer,
  WithdrawRequest,
} from './testimony-protocol.ts'
import { CLAIM_MAX } from './who.ts'

/** Bytes of a request's body, at most. */
export const REQUEST_MAX = 65_536
/** Addresses and prefixes of one request, at most. */
export const WHO_MAX = 1000
/** Flies that an answer names; the others are only counted. */
export const NAMED_MAX = 1000
/** Characters of an error, at most. */
export const ERROR_MAX = 10_000

export const By = z.string().min(1).max(CLAIM_MAX).optional().meta({
  description:
    'Who claims to have done it: the name of a user. The kernel tells the daemon who it was, and both are remembered where they differ.',
})
export const Who = z.string().max(64).meta({ description: 'An address or a prefix, never a host name.' })
export const Because = z.string().min(1).max(200).meta({ description: 'Why, in your own words.' })
/** Ten years. */
export const LONGEST_SECONDS = 3650 * 86_400

export const FreeRequest = z
  .strictObject({
    who: z.array(Who).min(1).max(WHO_MAX).optional(),
    since: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Locked out then or later, in milliseconds since 1970.' }),
    port: z.int().min(0).max(65535).optional(),
    proto: z.enum(PROTOS).optional(),
    by: By,
  })
  .meta({ description: 'All conditions must hold. At least one is needed: for everybody there is flush.' })
export const LockRequest = z.strictObject({
  lockouts: z
    .array(
      z.strictObject({
        who: Who,
        seconds: z
          .union([z.int().min(1).max(LONGEST_SECONDS), z.literal('forever')])
          .optional()
          .meta({
            description:
              'How long; left out, as long as `several` under [lockout] says, and whoever is a fly already stays as long as he does.',
          }),
      }),
    )
    .min(1)
    .max(WHO_MAX),
  because: Because.optional(),
  force: z.boolean().optional().meta({ description: 'Also prefixes wider than a /16, in IPv6 a /32.' }),
  exact: z.boolean().optional().meta({
    description:
      'Gives a fly the end that is said, also when it would stay longer. Without it the later end wins.',
  }),
  by: By,
})
/** Seconds of a pause, at most. */
export const PAUSE_MAX = 86_400
export const PauseRequest = z.strictObject({
  seconds: z.int().min(0).max(PAUSE_MAX).meta({ description: 'How long; 0 ends a pause.' }),
  by: By,
})
export const ByRequest = z.strictObject({ by: By })

export const FreeAnswer = z.object({
  flies: z.array(z.string()),
  held: z.array(z.string()).meta({ description: 'Those that were only held by the kernel.' }),
  count: z.int().meta({ description: `How many flies; at most ${NAMED_MAX} of them are named.` }),
  around: z.array(z.string()).optional().meta({
    description:
      'Prefixes that are locked out, with an address in them that was to be freed: it is locked out still. Left out when there are none.',
  }),
})
export const LockAnswer = z.object({
  locked: z.array(z.string()).meta({ description: 'By the name of the fly: of an IPv6 address the /64.' }),
  kept: z.array(z.string()).default([]).meta({
    description: 'Who is a fly already, for at least as long: nothing was changed. Left out by 0.1.0.',
  }),
  refused: z.array(
    z.object({
      who: z.string(),
      why: z.enum(['never-list', 'near', 'no-host', 'too-wide', 'within', 'too-many', 'full']),
    }),
  ),
})
export const FlushAnswer = z.object({ flies: z.int() })
export const Nothing = z.object({})

export const NamesRequest = z.strictObject({
  name: z.string().max(253).meta({ description: 'As it stands under `names` in the settings.' }),
  hosts: z
    .array(Who)
    .max(NAME_HOSTS_MAX)
    .meta({
      description: `Its addresses now, at most ${NAME_HOSTS_MAX}. None: nobody is known by it any more.`,
    }),
  ttl: z.int().min(1).max(NAME_SECONDS_MAX).meta({
    description: 'For so many seconds they are known, unless they are told again.',
  }),
})
export const NamesAnswer = z.object({
  known: z.array(z.string()).meta({
    description: 'Who is known by the name now: where all were refused, whoever was before.',
  }),
  refused: z.array(z.object({ host: z.string(), why: z.string() })),
})

export const EventsQuery = z.strictObject({
  after: z
    .string()
    .refine(isAfter, {
      error: '"after" has to be "start", "now", or the id of a line of these events, unchanged',
    })
    .optional()
    .meta({
      description:
        'From where on: "start" is the first that the history has, "now" what comes from now on, and the id of a line what came behind it, also before a restart. Left out: from now on, each packet that is let go, and no ids.',
    }),
})

/** A line of the events; each event has more, as the log and `watch --json` show. */
export const EventLine = z.looseObject({
  id: z.string().optional().meta({
    description: 'Ask with it as `after` for what comes behind. Left out where `after` was.',
  }),
  at: z.iso.datetime(),
  event: z.string(),
  text: z.string().meta({ description: 'The sentence of the log.' }),
})

/** Of a client a claim, of the server the signature. */
export interface By {
  readonly by: string
}
export type FreeRequest = z.infer<typeof FreeRequest> & By
export type LockRequest = z.infer<typeof LockRequest> & By
export type PauseRequest = z.infer<typeof PauseRequest> & By
export type NamesRequest = z.infer<typeof NamesRequest>
export type NamesAnswer = z.infer<typeof NamesAnswer>
export type Freed = z.infer<typeof FreeAnswer>
export type LockAnswer = z.infer<typeof LockAnswer>
export type EventLine = z.infer<typeof EventLine>

export const ErrorAnswer = z.object({ error: z.string() })

/** What the running daemon can be asked; the client has the same functions. */
export interface Control extends Past, NeverControl {
  status(): Promise<DaemonStatus>
  /** The six lines of `status`: is the trap armed and well? */
  health(): Promise<readonly StatusLine[]>
  lock(request: LockRequest): Promise<LockAnswer>
  free(request: FreeRequest): Promise<Freed>
  flush(by: string): Promise<number>
  /** Removes what is remembered of these, and frees them. */
  forget(request: ForgetRequest): Promise<ForgetAnswer>
  /** For so long nobody new is held or locked out; 0 ends it. */
  pause(request: PauseRequest): Promise<void>
  /** Puts these hosts in place of those that are known by the name. */
  names(request: NamesRequest): Promise<NamesAnswer>
  /** Disarms, saves and ends. */
  stop(by: string): Promise<void>
  /** Ends and leaves the trap armed, for another daemon to go on. */
  leave(by: string): Promise<void>
  /** Takes the settings of now. Rejects with what is wrong with them, and goes on with the old ones. */
  reload(by: string): Promise<void>
  /** Keeps a trap that was only to be tried. */
  confirm(by: string): Promise<void>
}

export interface Feed {
  /** What came behind this position; `spared`: also who was let go. Rejects where the history does not answer. */
  page(after: string, spared: boolean): Promise<FeedPage>
  /** Calls the listener when the history was written. */
  onNews(listener: () => void): void
}

/** The daemon's own side of it. */
export interface Served extends Control {
  /** What another host or tool says; nobody does so on the command line, where `lock` is an order. */
  testify(request: TestifyRequest): Promise<TestifyAnswer>
  withdraw(request: WithdrawRequest): Promise<WithdrawAnswer>
  /** Calls the listener with each event, as a line of JSON without its end, until disposed of. */
  watch(listener: (line: string) => void): Disposable
  /** The same from the history, so that nothing is lost. */
  readonly feed: Feed
  /** Prometheus text, in UTF-8. */
  metrics(): Promise<Uint8Array>
}
