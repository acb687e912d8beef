/** `flypaperd outside` as the verbs know it, and what it tells `status` of itself. */
import * as z from 'zod'
import type { Task } from '../../settings/outside.ts'
import type { Settings } from '../../settings/settings.ts'
import type { ReadText } from '../../settings/sources.ts'
import { formatDuration } from '../../terms/duration.ts'

/** Loaded when it is asked for: what it needs to speak to the world is not in the daemon. */
export interface Outside extends Disposable {
  /** Runs until the signal is given. */
  run(settings: Settings, end: AbortSignal): Promise<void>
  /** Sends a test by each way that the settings have, now. Never rejects. */
  test(settings: Settings): Promise<readonly { readonly way: string; readonly error?: string }[]>
}

/** What stands in the file by which it tells how it is. */
const Told = z.object({
  at: z.number(),
  ways: z.array(
    z.object({
      name: z.string(),
      messages: z.int(),
      notices: z.int(),
      failingSince: z.number().optional(),
      error: z.string().optional(),
    }),
  ),
})

/** It tells each half a minute, and what waits for long is older. */
const SILENT_MS = 120_000

/** How notifications stand: one line a way. `tasks`: as the running daemon has them; nothing is told of what nobody wants. */
export function notifyLines(
  file: string,
  readText: ReadText,
  tasks: readonly Task[],
  now: number,
): readonly string[] {
  if (tasks.length === 0) return []
  const read = readText(file)
  const told = 'text' in read ? parsed(read.text) : undefined
  if (told === undefined)
    return [
      `${tasks.includes('notify') ? 'notify: it is configured' : 'names: some are configured'}, but flypaperd-outside does not run: systemctl enable --now flypaperd-outside`,
    ]
  const silent = now - told.at
  if (silent > SILENT_MS)
    return [
      `notify: flypaperd-outside has told nothing for ${formatDuration(silent / 1000)}: nobody is told of anything, and no name is looked up`,
    ]
  return told.ways.map(({ name, messages, notices, failingSince, error }) => {
    const waiting = `${messages} ${messages === 1 ? 'message waits' : 'messages wait'}, of ${notices} ${notices === 1 ? 'notice' : 'notices'}`
    if (failingSince !== undefined)
      return `notify: ${name} cannot be delivered since ${new Date(failingSince).toISOString()}: ${error ?? 'why is not known'}. ${waiting}, and it is tried again`
    return `notify: ${name} is well${messages === 0 ? '' : `, ${waiting}`}`
  })
}

function parsed(text: string): z.infer<typeof Told> | undefined {
  try {
    return Told.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
