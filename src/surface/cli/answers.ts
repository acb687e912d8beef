/** What verbs answer with --json, where the control protocol does not say it: docs/commands.md is made from these. */
import * as z from 'zod'
import { CHANGES } from '../../what-if/compare.ts'
import { LockoutFacts, TriedFacts } from '../control/past-protocol.ts'
import { LockAnswer } from '../control/protocol.ts'
import { HealthAnswer, StatusAnswer } from '../control/status-protocol.ts'

export const CheckAnswer = z.object({
  ok: z.boolean().meta({ description: 'Whether the settings can be taken.' }),
  mistakes: z
    .array(
      z.object({
        file: z.string(),
        line: z.int().optional().meta({ description: 'From 1. Left out for a file that cannot be read.' }),
        column: z.int().optional(),
        setting: z.string().optional().meta({ description: 'Its whole name, such as lockout.first.' }),
        problem: z.string(),
        advice: z.string(),
      }),
    )
    .meta({ description: 'At most 100 of them.' }),
  closed: z.string().optional(),
  capture: z.string().optional(),
  files: z
    .array(z.string())
    .optional()
    .meta({ description: 'The files that were read, in the order in which they count.' }),
  never: z.int().optional().meta({ description: 'How many prefixes are never locked out, files and all.' }),
  neverFiles: z
    .array(z.object({ file: z.string(), prefixes: z.int() }))
    .optional()
    .meta({ description: 'The files of never_files.' }),
  remarks: z
    .array(z.string())
    .optional()
    .meta({ description: 'What a person should know of them, though they are taken.' }),
})
export type CheckAnswer = z.infer<typeof CheckAnswer>

/** Without `daemon` when none runs. */
export const StatusFacts = z.object({
  ...HealthAnswer.shape,
  daemon: StatusAnswer.optional().meta({ description: 'Left out when none runs.' }),
})

/** Left out where the settings name no such database, or it knows nothing. */
export const PlaceFacts = z.object({
  country: z
    .string()
    .optional()
    .meta({ description: 'ISO 3166, two letters, by geo.country of the settings.' }),
  asn: z.int().optional().meta({ description: 'Of the autonomous system, by geo.asn.' }),
  asName: z.string().optional(),
})

export const Flies = z.array(z.object({ ...LockoutFacts.shape, ...PlaceFacts.shape }))

const Packets = z.int()
const ReplayFile = z.object({
  file: z.string(),
  own: z.array(z.string()).meta({ description: 'The addresses of the protected host.' }),
  packets: z.object({ in: Packets, out: Packets }),
  hosts: z.int().meta({ description: 'Who sent it something.' }),
  seconds: z.number().meta({ description: 'From the first packet of the file to the last one played.' }),
  lockedOut: z.array(
    z.object({
      source: z.string().meta({ description: 'An address, an IPv6 /64, or a prefix.' }),
      packetSource: z.string().optional(),
      tried: TriedFacts.optional(),
      because: z.string(),
      packet: z.int().optional().meta({
        description: 'The first packet of the file that is what it was locked out for, from 1.',
      }),
      at: z.number().optional().meta({ description: 'Seconds from the first packet of the file to it.' }),
      sent: Packets,
      got: Packets,
      isHeadless: z.boolean().meta({ description: 'A TCP flow of it has no beginning in the file.' }),
      isHalved: z.boolean().meta({
        description:
          'One-sided: it goes on as if answered and no answer is in the file, or nothing of the protected host is.',
      }),
    }),
  ),
  spared: z.array(z.object({ because: z.string(), sources: z.int(), packets: Packets })).meta({
    description: 'Let go by the daemon, by reason.',
  }),
  kernel: z.record(z.string(), Packets).meta({
    description: 'Packets that the rules found to be no offence, by reason.',
  }),
  remarks: z.array(z.string()).meta({ description: 'What was not as it was, each a sentence.' }),
})
export const ReplayAnswer = z.object({
  files: z.array(
    z.union([
      ReplayFile,
      z.object({ file: z.string(), refused: z.string().meta({ description: 'Why it was not played.' }) }),
    ]),
  ),
})
export type ReplayAnswer = z.infer<typeof ReplayAnswer>

export const PauseAnswer = z.object({ seconds: z.int() })
export const ImportAnswer = z.object({
  locked: z.int(),
  kept: z.int(),
  refused: LockAnswer.shape.refused,
})
export const VersionAnswer = z.object({ version: z.string() })

const Ports = z.array(z.string())
const FAMILY = z.union([z.literal(4), z.literal(6)])
const BECAME = z.enum(['served', 'refused', 'silent'])

const Visit = z.object({
  since: z.iso.datetime(),
  seconds: z.union([z.int(), z.literal('forever')]).meta({ description: 'For how long in all.' }),
  because: z.string(),
  tried: z.array(z.string()).meta({ description: 'What counted against it, such as tcp/23.' }),
})
const Sum = z.object({ sources: z.int(), lockouts: z.int() })

export const WhatIfAnswer = z.object({
  since: z.iso.datetime(),
  until: z.iso.datetime(),
  packets: z.int().meta({ description: 'Of the whole ring.' }),
  different: z
    .array(z.string())
    .meta({ description: 'Names of settings that are others than then, and count.' }),
  unknown: z.array(z.string()).meta({
    description: 'What the ring cannot tell of these settings: sentences that begin with the name of one.',
  }),
  missing: z
    .array(z.string())
    .meta({ description: 'What is missing in the ring, and what follows: sentences.' }),
  happened: Sum,
  would: Sum,
  same: z.int().meta({ description: 'Sources of which both say the same.' }),
  changes: z
    .array(
      z.object({
        source: z.string(),
        change: z.enum(CHANGES).meta({ description: '`moved` is for as long, but at another time.' }),
        happened: z.array(Visit),
        would: z.array(Visit),
      }),
    )
    .meta({ description: 'The greatest differences first.' }),
})

export const ProofAnswer = z.object({
  kept: z.boolean().meta({ description: 'No leak, and no innocent hurt: exit status 0.' }),
  scans: z.array(
    z.object({
      scan: z
        .string()
        .meta({ description: 'SYN, FIN, NULL, Xmas, ACK, UDP, SYN-ext, SYN behind or connect.' }),
      family: FAMILY,
      packets: z.int(),
      control: Ports.meta({ description: 'Open ports that it found without the trap: tcp/22.' }),
      found: Ports.meta({ description: 'The same with the trap.' }),
      controlAnswers: z
        .int()
        .meta({ description: 'Answers of any kind without the trap, an RST or ICMP among them.' }),
      answers: z.int().meta({ description: 'The same with the trap.' }),
      stuckAt: z.int().optional().meta({ description: 'At which packet its source stuck, from 1.' }),
      stuckBy: z.string().optional().meta({ description: 'What that packet tried.' }),
      isLeak: z.boolean().meta({ description: 'It was told something at its first offence or after it.' }),
    }),
  ),
  bursts: z.array(
    z.object({
      family: FAMILY,
      sources: z.int(),
      ports: Ports.meta({ description: 'A closed one first.' }),
      controlAnswers: z.int(),
      answers: z.int(),
      isLeak: z.boolean(),
    }),
  ),
  clients: z.array(
    z.object({
      who: z.string(),
      family: FAMILY,
      service: z.string(),
      control: BECAME,
      trapped: BECAME.optional().meta({
        description: 'Left out of strangers whom nobody serves without the trap either.',
      }),
      isStuck: z.boolean(),
      isHurt: z.boolean(),
    }),
  ),
  missing: z.array(z.string()).meta({ description: 'What could not be cloned, each a sentence.' }),
})
