/** What a process has used, as /proc tells. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Ticks of 10 ms (proc_pid_stat): sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on. */
const TICK = 0.01

/** Seconds of processor time, user and system, of the process, its threads and the children that it has waited for. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number) as [
    number,
    number,
    number,
    number,
  ]
  return (user + system + childUser + childSystem) * TICK
}

/** Resolves when the process has used no processor time for a while. */
export async function quiet(pid: number, { ms = 500, longest = 120_000 } = {}): Promise<void> {
  const deadline = Date.now() + longest
  let since = Date.now()
  for (let before = cpuSeconds(pid); Date.now() < deadline && Date.now() - since < ms; await sleep(20)) {
    const used = cpuSeconds(pid)
    if (used !== before) since = Date.now()
    before = used
  }
}

/** Resident memory in bytes. */
export function resident(pid: number): number {
  return status(pid, 'VmRSS') * 1024
}

/** The same, but what is of no file. */
export function anonymous(pid: number): number {
  return status(pid, 'RssAnon') * 1024
}

/** The most resident memory in bytes since `forgetPeak`. */
export function peak(pid: number): number {
  return status(pid, 'VmHWM') * 1024
}

/** See clear_refs in proc(5). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** How often the threads of the process have gone to sleep: each is a wake-up afterwards. */
export function sleeps(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map(thread => status(`${pid}/task/${thread}`, 'voluntary_ctxt_switches'))
    .reduce((sum, count) => sum + count, 0)
}

function status(process: number | string, name: string): number {
  const [, value] = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(
    readFileSync(`/proc/${process}/status`, 'utf8'),
  )!
  return Number(value)
}
