/** What `flypaperd outside` is there for, by the settings. */
import type { Settings } from './settings.ts'

export const TASKS = ['notify', 'names'] as const
export type Task = (typeof TASKS)[number]

/** `notify`: somebody is to be told of what happens; `names`: there are names to look up. */
export function tasksOf({ notify, names }: Pick<Settings, 'notify' | 'names'>): readonly Task[] {
  const isTold = notify.mail !== undefined || notify.webhook !== undefined || notify.command.length > 0
  return TASKS.filter(task => (task === 'notify' ? isTold : names.length > 0))
}
