/** What other hosts and tools say, and what is to be forgotten, over the sockets: the shapes of testify, withdraw and forget. */
import * as z from 'zod'
import { DOUBTS } from '../../lockout/decide/testify.ts'
import type { Testifier } from '../../lockout/lockout.ts'
import { Because, By, LONGEST_SECONDS, WHO_MAX, Who } from './protocol.ts'
import { CLAIM_MAX } from './who.ts'

const Author = z.string().min(1).max(CLAIM_MAX).meta({
  description:
    'Whose testimony it is, in his own words: "fail2ban on web2". Nobody else can withdraw it: the same author, by the same socket and as the same user.',
})
export const TestifyRequest = z.strictObject({
  testimony: z
    .array(
      z.strictObject({
        who: Who.meta({ description: 'One host: an IPv4 address, an IPv6 address, or a /64.' }),
        seconds: z.int().min(1).max(LONGEST_SECONDS).meta({
          description: 'How long; never longer than `first` under [lockout] says.',
        }),
        because: Because.optional(),
      }),
    )
    .min(1)
    .max(WHO_MAX),
  author: Author,
})
export const WithdrawRequest = z.strictObject({ who: z.array(Who).min(1).max(WHO_MAX), author: Author })
export const ForgetRequest = z.strictObject({ who: z.array(Who).min(1).max(WHO_MAX), by: By })

export const TestifyAnswer = z.object({
  locked: z
    .array(z.string())
    .meta({ description: 'By the name of the fly: of an IPv6 address the /64, where that is one host.' }),
  kept: z
    .array(z.string())
    .meta({ description: 'Who is a fly already, by whatever: nothing was changed, nothing is prolonged.' }),
  refused: z.array(z.object({ who: z.string(), why: z.enum(DOUBTS) })),
})
export const WithdrawAnswer = z.object({
  withdrawn: z.array(z.string()).meta({ description: 'Who is free now, by the name of the fly.' }),
  others: z.array(z.string()).meta({
    description:
      'Who is no fly by testimony of this author, as they were named: nothing was changed. Evidence of our own, an order or the testimony of somebody else may keep them locked out.',
  }),
})
export const ForgetAnswer = z.object({
  freed: z.int().meta({ description: 'Flies, and sources that were only held.' }),
  lockouts: z.int().meta({ description: 'Of the history. Totals of days stay: they name nobody.' }),
  senders: z.int().meta({
    description:
      'Lockouts of an IPv6 /64, or of packets on their way to somebody, that stay without the address.',
  }),
  sightings: z.int(),
  samples: z.int().meta({ description: 'Sources of which it was remembered what else they tried.' }),
  packets: z.int().meta({ description: 'Of the ring.' }),
  scoured: z.boolean().meta({
    description:
      'Whether what was deleted is out of the bytes of the history as well. If not, somebody reads it or there is no room: ask again.',
  }),
  around: z
    .array(z.string())
    .optional()
    .meta({ description: 'Prefixes around them that are locked out, and stay so.' }),
})

export type TestifyRequest = z.infer<typeof TestifyRequest> & Pick<Testifier, 'via'>
export type WithdrawRequest = z.infer<typeof WithdrawRequest> & Pick<Testifier, 'via'>
export type ForgetRequest = z.infer<typeof ForgetRequest> & By
export type TestifyAnswer = z.infer<typeof TestifyAnswer>
export type WithdrawAnswer = z.infer<typeof WithdrawAnswer>
export type ForgetAnswer = z.infer<typeof ForgetAnswer>
