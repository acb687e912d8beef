/** What verbs answer with --json, where the control protocol does not say it: docs/commands.md is made from these. */
import * as z from 'zod'
import { HealthAnswer, LockAnswer, StatusAnswer } from '../control/protocol.ts'

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

const Fly = z.object({
  source: z.string().meta({ description: 'An address, an IPv6 /64, or a prefix.' }),
  since: z.iso.datetime(),
  until: z.union([z.iso.datetime(), z.literal('forever')]),
  times: z.int().meta({ description: 'Which lockout of this source it is.' }),
  because: z.string(),
  by: z.string().optional().meta({ description: 'Who locked it out by hand.' }),
  note: z.string().optional(),
})
export const Flies = z.array(z.looseObject(Fly.shape))

export const PauseAnswer = z.object({ seconds: z.int() })
export const ImportAnswer = z.object({
  locked: z.int(),
  kept: z.int(),
  refused: LockAnswer.shape.refused,
})
export const VersionAnswer = z.object({ version: z.string() })
