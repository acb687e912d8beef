/** Many sources, each with one packet to a closed port, against one contestant: who is locked out, how fast, at what cost. */
import { type Armed, lockedIn, recordedBy, watchSet } from './contestants.ts'
import { CLOSED_PORT, GATE, makeStage, type Stage } from './stage.ts'
import { cpuSeconds, quiet } from './usage.ts'

export interface Flood {
  readonly sources: number
  /** Sources a second; 0 is flat out. */
  readonly rate: number
  /** The gate's address; its IPv4 address unless told. */
  readonly to?: string
}

export interface Outcome {
  /** Sources in the set. */
  readonly locked: number
  /** Rows of the history that name the closed port; flypaperd only. */
  readonly recorded: number
  /** From the first packet to the last element. */
  readonly perSecond: number
  /** Packets a second, as they were sent. */
  readonly sentPerSecond: number
  /** Seconds of CPU for 1,000 lockouts, until nothing was left to do. */
  readonly cpu: number
}

/** One flood, in a world of its own. */
export async function floodOnce(
  { sources, rate, to = GATE }: Flood,
  arm: (stage: Stage) => Promise<Armed>,
): Promise<Outcome> {
  await using stage = await makeStage()
  await using armed = await arm(stage)
  const pid = armed.process?.pid
  if (pid !== undefined) await quiet(pid)
  const before = pid === undefined ? 0 : cpuSeconds(pid)
  const watching = watchSet(stage, armed, { enough: sources, quietMs: 3_000 })
  const { sent, began, ended } = await stage.send({ sources, rate, ports: CLOSED_PORT }, to)
  const { elements, at } = await watching
  if (pid !== undefined) await quiet(pid)
  const used = pid === undefined ? 0 : cpuSeconds(pid) - before
  const locked = elements >= 0 ? elements : await lockedIn(stage, armed)
  return {
    locked,
    recorded: await recordedBy(armed),
    perSecond: locked / ((at - began) / 1e9),
    sentPerSecond: sent / ((ended - began) / 1e9),
    cpu: (used / locked) * 1000,
  }
}
