/** What a listing is asked for. Others may have given names to it: in JSON those are no more than names. */
import * as z from 'zod'
import { Family } from './scalars.ts'
import { type TaggedSchema, tagged } from './tagged.ts'

/** Nearly whatever the kernel takes. */
const OthersName = z.string().regex(/^[^\p{Cc}]{1,255}$/u, { error: 'not a name' })
const One = z.strictObject({ family: Family, table: OthersName, name: OthersName })
const All = z.union([z.null(), z.strictObject({ family: Family })])
const AllOfTable = z.union([
  z.null(),
  z.strictObject({ family: Family.optional(), table: OthersName.optional() }),
])

const TARGETS = {
  ruleset: All,
  table: z.strictObject({ family: Family, name: OthersName }),
  tables: All,
  chain: One,
  chains: All,
  set: One,
  sets: AllOfTable,
  map: One,
  maps: All,
  meter: One,
  meters: All,
  counter: One,
  counters: AllOfTable,
  quota: One,
  quotas: All,
  limit: One,
  limits: All,
  'ct helper': One,
  'ct helpers': z.strictObject({ family: Family, table: OthersName }),
  'ct timeout': One,
  'ct expectation': One,
  flowtables: All,
  secmark: One,
  secmarks: All,
}
export const Target: TaggedSchema<typeof TARGETS> = tagged(TARGETS)
export type Target = z.infer<typeof Target>

const RESETTABLE = { counter: One, counters: AllOfTable, quota: One, quotas: All }
export const Resettable: TaggedSchema<typeof RESETTABLE> = tagged(RESETTABLE)
export type Resettable = z.infer<typeof Resettable>
