/** What the verbs take while there are many flies, and as many rows of history. */
import { type Installation, places } from '../../test/support/daemon.ts'
import type { Figure } from '../support/figure.ts'
import { unit } from '../support/packaged.ts'
import type { Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'

interface Amount {
  readonly flies: number
  readonly runs: number
}

/** What each may take, in seconds, Node's own start included; "at once" is read as one second. */
const VERBS = {
  status: { args: ['status'], most: 1 },
  'free of one': { args: ['free', '10.0.0.1'], most: 1 },
  'list, the newest 1,000': { args: ['list', '--limit', '1000'], most: 1 },
  'list, all': { args: ['list', '--limit', 'all'], most: undefined },
  why: { args: ['why', '10.0.0.2'], most: 1 },
  report: { args: ['report'], most: 2 },
}

export async function verbs(stage: Stage, flypaperd: Installation, amount: Amount): Promise<Figure[]> {
  const timed = (args: readonly string[]) => async () => {
    const began = performance.now()
    await toNowhere(stage, flypaperd, args)
    return (performance.now() - began) / 1_000
  }
  const attempts = Object.entries(VERBS).map(([name, { args }]) => [name, timed(args)] as const)
  const { version = [], ...times } = await inTurns(amount.runs, {
    version: timed(['version']),
    ...Object.fromEntries(attempts),
  } as Record<string, () => Promise<number>>)
  return Object.entries(VERBS).map(([name, { most }]) => ({
    what: `${name}, ${amount.flies.toLocaleString('en')} flies and rows of history`,
    unit: 's',
    runs: times[name]!,
    beside: [{ name: 'version', runs: version }],
    ...(most === undefined ? {} : { wanted: { bound: 'at most' as const, value: most } }),
  }))
}

/** Runs the verb with its output thrown away, which may be a hundred megabytes; freed twice is 1, and no matter. */
async function toNowhere(
  { gate }: Stage,
  { directory }: Installation,
  args: readonly string[],
): Promise<void> {
  const verb = [
    process.execPath,
    unit().main,
    ...args,
    '--settings',
    `${directory}/flypaperd.toml`,
    ...places(directory),
  ]
  const command = ['sh', '-c', 'exec "$@" >/dev/null', 'sh', ...verb]
  const { code, stderr } = await gate.run(command, { timeout: 180_000 })
  if (code > 1) throw new Error(`${args.join(' ')}: exit status ${code}: ${stderr}`)
}
