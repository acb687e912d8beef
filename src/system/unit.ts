/** What the service manager means for this very process. Its variables are inherited by every child, for which they are not meant. */
import type { ReadText } from '../settings/sources.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Whether a service manager started this process itself: SYSTEMD_EXEC_PID of systemd.exec(5), since version 248. The child of
 * another service (an action of fail2ban, a plugin of an agent) has inherited the number of that one.
 */
export function isServiceProcess({ SYSTEMD_EXEC_PID }: Environment, pid: number): boolean {
  return SYSTEMD_EXEC_PID === String(pid)
}

/** Whether the variables are there and are those of somebody else's service. Other supervisors name no process. */
export function isInherited(env: Environment, pid: number): boolean {
  return Boolean(env.SYSTEMD_EXEC_PID) && !isServiceProcess(env, pid)
}

const USUAL = 'flypaperd.service'

/** The system's unit whose process this is, by its control group, cgroups(7); undefined when it is none's. */
export function unitOf(env: Environment, pid: number, readText: ReadText): string | undefined {
  if (!isServiceProcess(env, pid)) return undefined
  const groups = readText('/proc/self/cgroup')
  const text = 'text' in groups ? groups.text : ''
  if (text.includes('/user.slice/')) return undefined // of a user's own manager
  return /\/([^/\n]+\.service)$/m.exec(text)?.[1] ?? USUAL
}
