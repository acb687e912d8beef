/** flypaperd as the package runs it: compiled, with the options of Node that its systemd unit names. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Installation, install, QUEUE } from '../../test/support/daemon.ts'
import { must } from '../../test/support/process.ts'
import type { Stage } from './stage.ts'

export type Capture = 'queue' | 'log'

const ROOT = new URL('../../', import.meta.url)
const UNIT = new URL('packaging/systemd/flypaperd.service', ROOT)

/** Compiles it; to be called once, before anything is measured. */
export async function build(): Promise<void> {
  await must(['npm', 'run', '-s', 'build'], { cwd: fileURLToPath(ROOT), timeout: 300_000 })
}

/**
 * Where the kernel lacks nft's queue statement, the stand-in for it (see QUEUE) runs from the source. What
 * BENCH_NODE_OPTIONS says is for the daemon: `--cpu-prof` and the like.
 */
export function installed({ gate }: Stage, capture: Capture, toml: string): Installation {
  const { main, options } = unit()
  const env = { NODE_OPTIONS: `${options} ${process.env.BENCH_NODE_OPTIONS ?? ''}`.trim() }
  return install(gate, toml, { main, ...(capture === 'queue' ? QUEUE : {}), env })
}

/** The program and the options of Node that ExecStart names. */
export function unit(): { main: string; options: string } {
  const [, options, program] =
    /^ExecStart=\S+ (.*?) ?\/usr\/lib\/flypaperd\/(\S+) start/m.exec(readFileSync(UNIT, 'utf8')) ?? []
  if (options === undefined || program === undefined) throw new Error(`${UNIT} has another ExecStart`)
  return { main: fileURLToPath(new URL(program, ROOT)), options }
}
