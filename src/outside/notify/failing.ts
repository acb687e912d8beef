/** What fails, and whether the promotion limit is in force: what two looks at the counts of one daemon differ by. Pure. */
import * as z from 'zod'
import type { DaemonStatus } from '../../surface/control/status-protocol.ts'
import type { Notice } from './notice.ts'

/** What was counted when it was told last; another daemon counts from 0. */
export const CountsMemory = z.object({
  pid: z.number(),
  since: z.number(),
  deferred: z.number(),
  overflow: z.number(),
  lost: z.number(),
  tooSlow: z.number(),
  hangsSince: z.number().optional(),
})
export type CountsMemory = z.infer<typeof CountsMemory>

export function judgeCounts(
  before: CountsMemory | undefined,
  status: DaemonStatus,
  now: number,
): { readonly memory: CountsMemory; readonly notices: readonly Notice[] } {
  const { pid, since, counts, history, ring } = status
  const memory = {
    ...{ pid, since, deferred: counts.deferred, overflow: counts.overflow },
    ...{ lost: history?.lost ?? 0, tooSlow: ring?.tooSlow ?? 0 },
    ...(history?.hangsSince !== undefined && { hangsSince: history.hangsSince }),
  }
  const isSame = before?.pid === pid && before.since === since
  const more = (name: 'deferred' | 'overflow' | 'lost' | 'tooSlow') =>
    memory[name] - (isSame ? before[name] : 0)
  const notices: Notice[] = []
  const tell = (kind: 'failing' | 'limit', text: string, count = 1) =>
    notices.push({ kind, at: now, text, count })
  const some = (count: number, thing: string, things = `${thing}s`) =>
    `${count.toLocaleString('en')} ${count === 1 ? thing : things}`
  if (more('deferred') > 0)
    tell(
      'limit',
      `${some(more('deferred'), 'source')} more are held only, and not locked out`,
      more('deferred'),
    )
  if (more('overflow') > 0)
    tell(
      'failing',
      `the flypaper is full: ${some(more('overflow'), 'offender')} more are held only`,
      more('overflow'),
    )
  if (more('lost') > 0)
    tell(
      'failing',
      `${some(more('lost'), 'lockout or release', 'lockouts and releases')} could not be written into the history`,
      more('lost'),
    )
  if (more('tooSlow') > 0)
    tell(
      'failing',
      `the disk is too slow for the ring: ${some(more('tooSlow'), 'packet')} more were left out`,
    )
  const hangs = memory.hangsSince
  if (hangs !== undefined && before?.hangsSince !== hangs)
    tell('failing', `the disk of the history does not answer since ${new Date(hangs).toISOString()}`)
  if (hangs === undefined && isSame && before.hangsSince !== undefined)
    tell('failing', 'the disk of the history answers again')
  return { memory, notices }
}
