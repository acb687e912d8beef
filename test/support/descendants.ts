/** What a process has started, and what that has. */
import { readdirSync, readFileSync } from 'node:fs'

/** The command line of each process below that one. */
export function descendants(above: number): Map<number, string> {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const parent = /\) \S (\d+)/.exec(read(`/proc/${name}/stat`))?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid)
    return parent !== undefined && (parent === above || isBelow(parent))
  }
  return new Map([...parents.keys()].filter(isBelow).map(pid => [pid, lineOf(pid)]))
}

/** Empty for one that is gone, or dead and not yet fetched. */
export function lineOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
