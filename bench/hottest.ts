/** `node bench/hottest.ts FILE.cpuprofile`: the functions that took most time themselves, as node --cpu-prof saw them. */
import { readFileSync } from 'node:fs'

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

const SHOWN = 40

const { nodes, samples, timeDeltas }: Profile = JSON.parse(readFileSync(process.argv[2]!, 'utf8'))
const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
const times = new Map<string, number>()
for (const [i, sample] of samples.entries()) {
  const name = names.get(sample)!
  times.set(name, (times.get(name) ?? 0) + timeDeltas[i]! / 1_000)
}
const all = [...times.values()].reduce((sum, time) => sum + time, 0) - (times.get('(idle)') ?? 0)
times.delete('(idle)')
for (const [name, time] of [...times].sort(([, a], [, b]) => b - a).slice(0, SHOWN))
  console.log(`${time.toFixed(0).padStart(7)} ms ${((time / all) * 100).toFixed(1).padStart(5)} %  ${name}`)

function nameOf({ functionName, url, lineNumber }: Frame): string {
  if (url === '') return functionName
  const file = url.replace(/^file:\/\//, '').replace(`${process.cwd()}/`, '')
  return `${functionName || '(anonymous)'}  ${file}:${lineNumber + 1}`
}
