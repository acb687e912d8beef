/** The process that reads what the trap hands over, as the kernel and /proc tell: no file of a daemon is asked. */
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { holderOf as holderByKernel } from 'nfnetlink'
import type { Statement } from '../arm/ruleset/spec.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { readText } from './files.ts'

interface Holder {
  readonly pid?: number
  /** The name of the program's file. */
  readonly program: string
  readonly isDaemon: boolean
}

/** How long a daemon may take to disarm. */
const PATIENCE_MS = 15_000
const LOOK_MS = 50

/** Who has bound this queue or NFLOG group; undefined: nobody, or we may not ask. Without a pid where /proc does not show who it is. */
export function holderOf(kind: Statement, number: number): Holder | undefined {
  const found = holderByKernel(kind, number)
  if (found === undefined) return undefined
  const { pid } = found
  if (pid === undefined) return { isDaemon: false, program: 'unknown' }
  const words = commandOf(pid)
  return { pid, program: basename(words[0] ?? 'unknown'), isDaemon: runsDaemon(words) }
}

/** As Node shows it in ps(1): its options, the program, the verb. */
const PROGRAM = /(^|\/)(flypaperd(\.cjs)?|dist\/main\.js|src\/(checkout|main)\.ts)$/
const VERBS = new Set(['start', 'restart', 'try'])

export function runsDaemon(words: readonly string[]): boolean {
  const program = words.findIndex(word => PROGRAM.test(word))
  return program >= 0 && words.slice(program + 1).some(word => VERBS.has(word))
}

function commandOf(pid: number): string[] {
  const file = readText(`/proc/${pid}/cmdline`)
  return 'text' in file ? file.text.split('\0') : []
}

/** Tells the daemon to disarm and end, as Ctrl-C does; resolves to whether it did in time. Throws a Failure (77). */
export async function endDaemon(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 'SIGINT')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return true
    throw new Failure(`no permission to end flypaperd (pid ${pid})`, {
      exit: EXIT.noPermission,
      hint: 'Run it as root: sudo flypaperd …',
      cause,
    })
  }
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(LOOK_MS))
    if (isGone(pid)) return true
  return isGone(pid)
}

/** Nobody may have asked yet how it ended. */
function isGone(pid: number): boolean {
  const status = readText(`/proc/${pid}/status`)
  return !('text' in status) || /^State:\s+[ZX]/m.test(status.text)
}
