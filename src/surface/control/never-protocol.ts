/** What is spoken over the sockets of the never-list by hand. */
import * as z from 'zod'
import { BECAUSE_MAX, NEVER_BY_HAND_MAX } from '../../settings/never-by-hand.ts'
import { By, NAMED_MAX, WHO_MAX, Who } from './protocol.ts'

const When = z.iso.datetime()
/** Ten years. */
export const NEVER_SECONDS_MAX = 3650 * 86_400

export const NeverAddRequest = z.strictObject({
  who: z.array(Who).min(1).max(WHO_MAX),
  seconds: z
    .union([z.int().min(1).max(NEVER_SECONDS_MAX), z.literal('forever')])
    .optional()
    .meta({ description: 'How long; left out, for ever.' }),
  because: z.string().min(1).max(BECAUSE_MAX).optional().meta({ description: 'Why, in your own words.' }),
  by: By,
})
export const NeverRemoveRequest = z.strictObject({ who: z.array(Who).min(1).max(WHO_MAX), by: By })

export const NeverEntry = z.object({
  who: z.string().meta({ description: 'An address or a prefix.' }),
  because: z.string().optional(),
  by: z.string().meta({ description: 'Who wanted it, as the kernel and he say.' }),
  since: When,
  until: z.union([When, z.literal('forever')]),
})

export const NeverAnswer = z.object({
  byHand: z
    .array(NeverEntry)
    .meta({ description: `Oldest first, at most ${NEVER_BY_HAND_MAX}: those of \`never add\`.` }),
  settings: z
    .array(z.string())
    .meta({ description: `Those that \`never\` of the settings names; at most ${NAMED_MAX} are told.` }),
  settingsCount: z.int().meta({ description: 'How many these are.' }),
  files: z
    .array(z.object({ file: z.string(), prefixes: z.int() }))
    .meta({ description: 'The files of never_files, which are only counted.' }),
})

const Unwritten = z.string().optional().meta({
  description:
    'Why it is not written down yet: it is in force, and tried again each minute. Left out where it is written.',
})

export const NeverAddAnswer = z.object({
  added: z.array(z.string()),
  changed: z
    .array(z.string())
    .meta({ description: 'Who was there already by hand, and has this end and this reason now.' }),
  refused: z.array(z.object({ who: z.string(), why: z.enum(['too-wide', 'full']) })),
  flies: z
    .array(z.string())
    .meta({ description: `Who was locked out, and is free; at most ${NAMED_MAX} are told.` }),
  held: z
    .array(z.string())
    .meta({ description: 'Who was only held by the kernel, and is free; as many at most.' }),
  around: z.array(z.string()).meta({
    description:
      'Prefixes that are locked out by hand, and reach beyond an entry: that passes, the rest stays shut out.',
  }),
  unwritten: Unwritten,
})

export const NeverRemoveAnswer = z.object({
  removed: z.array(z.string()),
  missing: z.array(z.string()).meta({ description: 'Of which there was no entry by hand.' }),
  stays: z
    .array(z.object({ who: z.string(), entry: z.string() }))
    .meta({ description: 'Who is never judged all the same, and by which entry.' }),
  unwritten: Unwritten,
})

export type NeverAnswer = z.infer<typeof NeverAnswer>
export type NeverAddAnswer = z.infer<typeof NeverAddAnswer>
export type NeverRemoveAnswer = z.infer<typeof NeverRemoveAnswer>

/** Of a client a claim, of the server the signature. */
interface Signed {
  readonly by: string
}

/** What can be asked about the never-list. */
export interface NeverControl {
  never(): Promise<NeverAnswer>
  neverAdd(request: z.infer<typeof NeverAddRequest> & Signed): Promise<NeverAddAnswer>
  neverRemove(request: z.infer<typeof NeverRemoveRequest> & Signed): Promise<NeverRemoveAnswer>
}
