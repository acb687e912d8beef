/** The files of never_files, when one of them has changed. They are read by others, since their disk may hang: then what they said before stays in force. */
import { SettingsFailure } from '../settings/explain.ts'
import { escapeText } from '../terms/escape.ts'
import type { Daemon } from './daemon.ts'
import { freeNever, relist } from './never-list.ts'
import { withNever } from './policy.ts'

/** A file that was written to so lately may not be whole yet. */
const SETTLED_MS = 1000
/** A disk that is busy for a moment is nothing to be told. */
const TOLD_MS = 2000

/** A look at them that goes on. */
export interface NeverLook {
  readonly named: readonly string[]
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Whether it takes so long that it was told. */
  hangs: boolean
}

/** Looks at them, unless an earlier look is not done. */
export async function followNeverFiles(daemon: Daemon): Promise<void> {
  const { state, world } = daemon
  const { named } = state.policy.settings.neverFiles
  if (named.length === 0 || state.neverLook !== undefined) return
  const look: NeverLook = { named, since: world.now(), hangs: false }
  state.neverLook = look
  const timer = setTimeout(tellHanging, TOLD_MS, daemon, look).unref()
  try {
    await readChanged(daemon, () => daemon.ended.aborted || state.neverLook !== look)
  } finally {
    clearTimeout(timer)
    if (state.neverLook === look) {
      state.neverLook = undefined
      if (look.hangs && !daemon.ended.aborted) world.log.warn('the files of never_files answer again')
    }
  }
}

/** A reload reads them itself: what an earlier look was about to find is of no use any more. */
export function forgetNeverLook({ state }: Daemon): void {
  state.neverRefused = undefined
  state.neverLook = undefined
}

/** Since when they do not answer, in milliseconds since the epoch. */
export function neverFilesHangSince({ neverLook }: Daemon['state']): number | undefined {
  return neverLook?.hangs === true ? neverLook.since : undefined
}

function tellHanging({ world, ended }: Daemon, look: NeverLook): void {
  if (ended.aborted) return
  look.hangs = true
  const files = look.named.map(escapeText).join(', ')
  world.log.error(
    `the files of never_files hang since ${new Date(look.since).toISOString()}: what they said before stays in force. Look at the disk and the mount of ${files}; flypaperd needs no restart`,
  )
}

/** What cannot be taken is said once. What was written just now may be half of it: it has time until the next look. */
async function readChanged(daemon: Daemon, isOver: () => boolean): Promise<void> {
  const { state, world } = daemon
  const { named, version } = state.policy.settings.neverFiles
  const there = await world.neverFiles.version(named)
  const isSettled = Math.abs(world.now() - there.written) >= SETTLED_MS
  if (isOver() || there.version === (state.neverRefused ?? version) || !isSettled) return
  try {
    const neverFiles = await world.neverFiles.read(named)
    if (isOver()) return
    state.neverRefused = undefined
    relist(daemon, withNever(state.policy, { neverFiles }))
    freeNever(daemon)
    world.log.info(`never_files were read again: ${neverFiles.prefixes.size} prefixes`)
  } catch (error) {
    if (!(error instanceof SettingsFailure)) throw error
    if (isOver()) return
    world.log.warn(`what never_files said before stays in force: ${mistakeSentence(error)}`)
    state.neverRefused = there.version
  }
}

/** The first of them in one line. */
function mistakeSentence({ mistakes: [first, ...more] }: SettingsFailure): string {
  if (first === undefined) return 'they cannot be read'
  const { file, line, column, problem, advice } = first
  const where = line === undefined ? file : `${file}:${line}:${column}`
  return `${where}: ${problem}; ${advice}${more.length === 0 ? '' : `; and ${more.length} mistakes more`}`
}
