/** Where the sockets and the history lie: in fixed places, unless an option or the daemon's own unit names others. */
import { dirname } from 'node:path'
import { isServiceProcess } from './unit.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What the command line says; paths are absolute. */
interface Told {
  /** The verb runs the daemon. */
  readonly isDaemon?: boolean | undefined
  readonly socket?: string | undefined
  readonly state?: string | undefined
}

interface Places {
  readonly socket: string
  readonly metricsSocket: string
  /** The directory of history and state file. */
  readonly state: string
}

const STATE = '/var/lib/flypaperd'
const RUNTIME = '/run/flypaperd'

/**
 * STATE_DIRECTORY and RUNTIME_DIRECTORY (systemd.exec(5)) count for the daemon that a unit starts, and for nobody else: a verb
 * may run below another service, whose directories they are then.
 */
export function placesOf({ isDaemon = false, socket, state }: Told, env: Environment, pid: number): Places {
  const unit = isDaemon && isServiceProcess(env, pid) ? env : {}
  const control = socket ?? `${first(unit.RUNTIME_DIRECTORY) ?? RUNTIME}/control.sock`
  return {
    socket: control,
    metricsSocket: `${dirname(control)}/metrics.sock`,
    state: state ?? first(unit.STATE_DIRECTORY) ?? STATE,
  }
}

/** Several directories have colons between them; ours is the first. */
function first(variable: string | undefined): string | undefined {
  return variable?.split(':')[0] || undefined
}
