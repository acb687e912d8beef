/** What the page does: free and lock out, each with an undo for ten seconds. */
import { signal } from '@preact/signals'
import { endOf, type Fly, type Freed, type LockAnswer, plain } from './shapes.ts'
import { ask, flies, say } from './state.ts'
import { T } from './texts.ts'

/** Seconds for which something can be undone. */
export const UNDO_S = 10
/** Whom one request names, at most. */
const WHO_MAX = 1000

export interface Notice {
  readonly id: number
  readonly text: string
  readonly isBad: boolean
  readonly undo?: () => Promise<void>
}

export const notices = signal<readonly Notice[]>([])
let last = 0

export function dismiss(id: number): void {
  notices.value = notices.value.filter(notice => notice.id !== id)
}

function tell(
  text: string,
  { isBad = false, undo }: { isBad?: boolean; undo?: () => Promise<void> } = {},
): void {
  const id = ++last
  notices.value = [...notices.value.slice(-3), { id, text, isBad, ...(undo && { undo }) }]
  say(text)
}

const bad = (why: string) => tell(T.failed(plain(why)), { isBad: true })

/** Frees at once; the undo locks out again, by hand, for as long as was left. */
export async function free(chosen: readonly Fly[]): Promise<void> {
  const gone: Fly[] = []
  for (let i = 0; i < chosen.length; i += WHO_MAX) {
    const some = chosen.slice(i, i + WHO_MAX)
    const freed = await ask<Freed>('/v1/free', bad, { who: some.map(({ source }) => source) })
    if (freed === undefined) break
    const around = freed.around ?? []
    if (around.length > 0) tell(T.around(around.map(plain).join(', ')), { isBad: true })
    gone.push(...some)
  }
  if (gone.length === 0) return
  const sources = new Set(gone.map(({ source }) => source))
  flies.value = flies.value?.filter(({ source }) => !sources.has(source))
  tell(T.freed(gone.length, plain(gone[0]!.source)), { undo: () => lockAgain(gone) })
}

async function lockAgain(gone: readonly Fly[]): Promise<void> {
  const still = gone.filter(fly => endOf(fly) > Date.now() + 1000)
  for (let i = 0; i < still.length; i += WHO_MAX) {
    const lockouts = still.slice(i, i + WHO_MAX).map(fly => ({
      who: fly.source,
      seconds: fly.until === 'forever' ? fly.until : Math.ceil((endOf(fly) - Date.now()) / 1000),
    }))
    const answer = await ask<LockAnswer>('/v1/lock', bad, { lockouts, because: T.undoNote, exact: true })
    if (answer === undefined) return
    tellRefused(answer)
  }
  tell(T.undone)
}

/** Resolves to whether it was taken. The undo frees. */
export async function lock(who: string, seconds: string, because: string): Promise<boolean> {
  const length = seconds === '' ? {} : { seconds: seconds === 'forever' ? seconds : Number(seconds) }
  const why = because === '' ? {} : { because }
  const answer = await ask<LockAnswer>('/v1/lock', bad, { lockouts: [{ who, ...length }], ...why })
  if (answer === undefined) return false
  tellRefused(answer)
  const { locked, kept } = answer
  if (kept.length > 0) tell(T.kept(kept.map(plain).join(', ')))
  if (locked.length > 0)
    tell(T.locked(locked.map(plain).join(', ')), {
      async undo() {
        if ((await ask('/v1/free', bad, { who: locked })) !== undefined) tell(T.undone)
      },
    })
  return locked.length + kept.length > 0
}

function tellRefused({ refused }: LockAnswer): void {
  for (const { who, why } of refused.slice(0, 3))
    tell(T.notLocked(plain(who), T.refused[why] ?? why), { isBad: true })
}
