/** The verbs, in the order in which the help shows them. */
import type { Verb } from '../verb.ts'
import { check } from './check.ts'
import { confirm } from './confirm.ts'
import { doctor } from './doctor.ts'
import { exportFlies } from './export.ts'
import { flush } from './flush.ts'
import { forget } from './forget.ts'
import { free } from './free.ts'
import { generate } from './generate.ts'
import { importFlies } from './import.ts'
import { list } from './list.ts'
import { lock } from './lock.ts'
import { metrics } from './metrics.ts'
import { never } from './never.ts'
import { notify } from './notify.ts'
import { outside } from './outside.ts'
import { pause } from './pause.ts'
import { prove } from './prove.ts'
import { reload } from './reload.ts'
import { replay } from './replay.ts'
import { report } from './report.ts'
import { restart } from './restart.ts'
import { start } from './start.ts'
import { status } from './status.ts'
import { stop } from './stop.ts'
import { tryOut } from './try.ts'
import { version } from './version.ts'
import { watch } from './watch.ts'
import { web } from './web.ts'
import { whatIf } from './what-if.ts'
import { why } from './why.ts'

export const VERBS: readonly Verb[] = [
  start,
  stop,
  restart,
  reload,
  tryOut,
  confirm,
  pause,
  status,
  list,
  why,
  watch,
  report,
  web,
  metrics,
  lock,
  free,
  never,
  flush,
  forget,
  exportFlies,
  importFlies,
  generate,
  check,
  doctor,
  prove,
  replay,
  whatIf,
  outside,
  notify,
  version,
]
