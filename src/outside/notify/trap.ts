/** Whether the trap is as it should be: what looks at the daemon tell, a minute apart. Pure. */
import * as z from 'zod'
import type { Look } from '../world.ts'
import type { Notice } from './notice.ts'

/** A restart, and what others did and the daemon has mended, is over sooner. */
export const GRACE_MS = 60_000

/** Since when it is not, whether that was told, and what others told of it. */
export const TrapMemory = z.object({
  badSince: z.number().optional(),
  isTold: z.boolean().default(false),
  /** The last event that says why: `trap disarmed`. */
  word: z.string().optional(),
})
export type TrapMemory = z.infer<typeof TrapMemory>

/** What is seen: the daemon, none, or why it cannot be asked. */
export type Seen = Look | { readonly problem: string } | undefined

export function judgeTrap(
  { badSince, isTold, word }: TrapMemory,
  seen: Seen,
  now: number,
): { readonly memory: TrapMemory; readonly notices: readonly Notice[] } {
  const wrong = wrongOf(seen)
  if (wrong === undefined) {
    const since = badSince !== undefined && isTold ? new Date(badSince).toISOString() : undefined
    const text = `the trap is armed and well again; it was not since ${since}`
    return {
      memory: { isTold: false },
      notices: since === undefined ? [] : [{ kind: 'trap', at: now, text }],
    }
  }
  const since = badSince ?? now
  if (isTold || now - since < GRACE_MS)
    return { memory: { badSince: since, isTold, ...(word && { word }) }, notices: [] }
  const last = word === undefined ? '' : `; the last that was heard of it: ${word}`
  return {
    memory: { badSince: since, isTold: true, ...(word && { word }) },
    notices: [{ kind: 'trap', at: since, text: `${wrong}${last}` }],
  }
}

function wrongOf(seen: Seen): string | undefined {
  if (seen === undefined) return 'the trap is not armed, or nobody judges: no daemon answers'
  if ('problem' in seen) return `the daemon cannot be asked whether the trap is armed: ${seen.problem}`
  const bad = seen.lines.filter(({ ok }) => !ok)
  if (bad.length === 0) return undefined
  const what = bad.map(
    ({ label, reason }) => `${label} is missing${reason === undefined ? '' : ` (${reason})`}`,
  )
  return `the trap is not as it should be: ${what.join('; ')}`
}
