/** The sender of src/prove/sending.ts, on a host of a world. */
import type { Outcome, Plan } from '../../src/prove/sending.ts'
import { IN_CLONE } from './programs.ts'
import type { Host } from './world.ts'

export type { Outcome, Plan }

/** Runs the plan on the host; rejects when a packet did not leave. */
export async function send(host: Host, plan: Plan): Promise<Outcome> {
  const input = JSON.stringify(plan)
  const packets = plan.bursts.reduce((sum, burst) => sum + burst.length, 0)
  const timeout = 60_000 + (packets * (plan.gap ?? 0)) / 1000
  const { code, stdout, stderr } = await host.run([process.execPath, IN_CLONE, 'send'], { input, timeout })
  // Node was seen to crash (SIGSEGV) while it ended, when its result had been written.
  const isWhole = code === 0 || (code === 139 && stdout.endsWith('\n'))
  if (!isWhole) throw new Error(`the sender ended with ${code}: ${stdout}${stderr}`)
  return JSON.parse(stdout)
}
