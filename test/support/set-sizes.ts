/**
 * A program that looks again and again how many elements sets of `table inet filter` hold, until its input ends; then it says for each how
 * many there were at most, how many at last, and how often it looked.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { readElements } from '../../packages/nfnetlink/src/index.ts'
import { countOf } from './set-elements.ts'
import type { Host } from './world.ts'

export interface Sizes {
  readonly looks: number
  readonly most: Readonly<Record<string, number>>
  readonly last: Readonly<Record<string, number>>
}

const EVERY_MS = 20
/** More than any set of a test may hold, for kernels that have to list it. */
const LISTED_MAX = 200_000

/** Looks from now on; what it returns ends that, and tells. */
export async function watchSizes(host: Host, ...sets: readonly string[]): Promise<() => Promise<Sizes>> {
  const looking = await host.start([process.execPath, import.meta.filename, ...sets])
  await looking.says(/^looking$/)
  return async () => {
    looking.closeInput()
    const { code, stdout, stderr } = await looking.ended
    if (code !== 0) throw new Error(`the look at sets ended with ${code}: ${stderr}`)
    return JSON.parse(stdout.split('\n')[1]!)
  }
}

/** As the kernel counts them, those among it that are expired; where it does not tell (before 6.17), as many as it lists. */
async function sizeOf(set: string): Promise<number> {
  return countOf(set) ?? (await readElements('filter', set, LISTED_MAX))?.length ?? LISTED_MAX
}

if (import.meta.main) {
  const sets = process.argv.slice(2)
  const last: Record<string, number> = {}
  const most: Record<string, number> = {}
  let looks = 0
  let isOver = false
  process.stdin.on('end', () => {
    isOver = true
  })
  process.stdin.resume()
  console.log('looking')
  while (!isOver) {
    for (const set of sets) {
      last[set] = await sizeOf(set)
      most[set] = Math.max(most[set] ?? 0, last[set])
    }
    looks++
    await sleep(EVERY_MS)
  }
  console.log(JSON.stringify({ looks, most, last } satisfies Sizes))
}
