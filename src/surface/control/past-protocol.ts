/** What the history answers over the sockets: the shapes of list, why and report. Their questions are query strings. */
import * as z from 'zod'
import { ENDS, PROTOS, REASONS } from '../../history/selection.ts'
import { GRADES } from '../../judge/verdict.ts'
import { NeverEntry } from './never-protocol.ts'

/** Lockouts that one answer of list has, about; it ends with the piece of the table that goes beyond. */
export const LISTED_MAX = 500
/** Pieces of the table, of 500 rows each, that one answer of list has looked through, at most. */
export const LIST_PIECES_MAX = 20
/** Lockouts of one source that are told; the story of a year is long enough. */
export const TOLD_MAX = 200
/** Addresses and prefixes of one question, at most: the head of a request has room for so many. */
export const ASKED_MAX = 50

const Number15 = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
const Moment = Number15.meta({ description: 'Milliseconds since 1970.' })

export const ListQuery = z.strictObject({
  past: z
    .enum(['true', 'false'])
    .transform(text => text === 'true')
    .optional()
    .meta({ description: 'Instead of the flies, lockouts that are not in force any more.' }),
  ended: z.enum(ENDS).optional().meta({ description: 'How they ended; of past ones alone.' }),
  who: z
    .string()
    .min(1)
    .max(4096)
    .transform(text => text.split(','))
    .pipe(z.array(z.string().max(64)).max(ASKED_MAX))
    .optional()
    .meta({ description: `Addresses and prefixes, with commas between them, at most ${ASKED_MAX}.` }),
  since: Moment.optional().meta({ description: 'Locked out then or later, in milliseconds since 1970.' }),
  until: Moment.optional().meta({ description: 'Locked out before, in milliseconds since 1970.' }),
  port: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(z.number().max(65535))
    .optional(),
  proto: z.enum(PROTOS).optional(),
  reason: z.enum(REASONS).optional(),
  grade: z.enum(GRADES).optional(),
  before: Number15.optional().meta({ description: '`next` of the answer before.' }),
})
export const WhyQuery = z.strictObject({
  who: z.string().min(1).max(64).meta({ description: 'An address or a prefix.' }),
})
export const ReportQuery = z.strictObject({
  since: Moment.optional().meta({
    description: 'In milliseconds since 1970; seven days ago where it is left out.',
  }),
})

export const TriedFacts = z.object({
  kind: z.enum(['tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'protocol']),
  port: z.int().optional(),
  from: z.int().optional().meta({ description: 'The source port.' }),
  flags: z.int().optional().meta({ description: 'Of TCP: the whole byte.' }),
  type: z.int().optional(),
  code: z.int().optional(),
  number: z.int().optional().meta({ description: 'Of another IP protocol.' }),
})

const Piece = z.object({ what: z.string(), weight: z.int() })
const Ports = z.array(z.string())
const When = z.iso.datetime()

export const LockoutFacts = z.object({
  id: z.int().meta({ description: 'Of this lockout; a later one has a greater one.' }),
  source: z.string().meta({ description: 'An address, an IPv6 /64, or a prefix.' }),
  packetSource: z.string().optional().meta({ description: 'Which address of it sent the packet.' }),
  tried: TriedFacts.optional().meta({ description: 'Left out of one that was locked out by hand.' }),
  hook: z.enum(['input', 'forward', 'other']).optional(),
  forwardedTo: z.string().optional(),
  because: z.string(),
  grade: z.enum(GRADES).meta({ description: 'How good the evidence is.' }),
  evidence: z
    .array(Piece)
    .optional()
    .meta({ description: 'What counted, where it was more than what was tried here: tcp/80 weighs 2.' }),
  ports: Ports.optional().meta({
    description: 'The different ports of all visits that count, where they are more than one.',
  }),
  reachable: Ports.optional().meta({
    description:
      'Ports that it still reaches, by `public` and `doors` of the settings: tcp/443, udp/51820. Only of list, and left out where there are none.',
  }),
  by: z.string().optional().meta({
    description: 'Who locked it out by hand, or gave it another end; of testimony its author.',
  }),
  via: z.string().optional().meta({
    description: 'Of testimony: the role and the user by whose socket it came, `share flypaperd`.',
  }),
  note: z.string().optional(),
  since: When,
  until: z.union([When, z.literal('forever')]),
  times: z.int().meta({ description: 'Which lockout of this source it is.' }),
  prolonged: z.int().optional().meta({ description: 'How often, since it went on trying.' }),
  released: z
    .object({ at: When, by: z.string(), because: z.string() })
    .optional()
    .meta({ description: 'Left out where its time is not over, or was over by itself.' }),
})

export const ListAnswer = z.object({
  flies: z
    .array(LockoutFacts)
    .meta({ description: 'Newest first. There may be none, and yet more to come.' }),
  next: z.int().optional().meta({
    description:
      'Ask again with this as `before`, until it is left out. Who is a fly all the while is told once; who comes meanwhile is not told.',
  }),
})

export const WhyAnswer = z.object({
  who: z.string(),
  never: z.string().optional().meta({ description: 'The entry of the never-list that it meets.' }),
  names: z
    .array(z.string())
    .optional()
    .meta({ description: 'The names of the settings by which it is known.' }),
  neverByHand: NeverEntry.optional().meta({
    description: 'That entry, where it was put there by hand: by whom, why, until when.',
  }),
  held: z
    .object({ source: z.string(), seconds: z.number().optional() })
    .optional()
    .meta({ description: 'Held by the kernel, and for how much longer.' }),
  packets: z.number().optional().meta({ description: 'Of it that the set has dropped lately.' }),
  threshold: z.int().meta({ description: 'The sum that it takes to be locked out.' }),
  reachable: z.object({ public: Ports, doors: Ports }),
  lockouts: z.array(LockoutFacts).meta({ description: `Newest first, at most ${TOLD_MAX}.` }),
  around: z.array(LockoutFacts).meta({ description: 'Prefixes around it that are locked out by hand.' }),
  alsoTried: z.object({ last: When, ports: Ports }).optional(),
  sightings: z
    .array(
      z.object({
        source: z.string(),
        because: z.string(),
        count: z.int(),
        tried: TriedFacts,
        evidence: z.array(Piece).optional(),
        first: When,
        last: When,
      }),
    )
    .meta({ description: 'When it was let go, and why.' }),
})

export const ReportAnswer = z.object({
  since: When,
  until: When,
  days: z.array(z.object({ day: z.string(), attackers: z.int() })),
  lockouts: z.int(),
  attackers: z.int(),
  attackers6: z.int(),
  ports: z.array(z.object({ proto: z.string(), number: z.int(), lockouts: z.int() })),
  networks: z.array(z.object({ network: z.string(), attackers: z.int() })),
  repeaters: z.array(z.object({ source: z.string(), times: z.int() })),
  reasons: z.array(z.object({ because: z.string(), lockouts: z.int() })),
  spared: z.array(z.object({ because: z.string(), packets: z.int(), sources: z.int() })),
  alsoTried: z.array(z.object({ what: z.string(), sources: z.int() })),
  overflow: z
    .object({ lost: z.int(), overruns: z.int() })
    .optional()
    .meta({ description: 'What the kernel could not hand over since the daemon started.' }),
})

export type ListQuery = z.infer<typeof ListQuery>
export type WhyQuery = z.infer<typeof WhyQuery>
export type ReportQuery = z.infer<typeof ReportQuery>
export type LockoutFacts = z.infer<typeof LockoutFacts>
export type ListAnswer = z.infer<typeof ListAnswer>
export type WhyAnswer = z.infer<typeof WhyAnswer>
export type ReportAnswer = z.infer<typeof ReportAnswer>
