/** Lists of prefixes as long as operators' are, to be spared by. */
import { renameSync, writeFileSync } from 'node:fs'

/** So many different prefixes, half of each family, of networks that no test uses; none is next to another. */
export function manyPrefixes(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const n = i >> 1
    return i % 2 === 0
      ? `${20 + (n >> 15)}.${(n >> 7) & 255}.${(2 * n) & 255}.0/24`
      : `2a00:${(n >> 8).toString(16)}:${(2 * (n & 255)).toString(16)}::/48`
  })
}

/** As whoever fetches a list should: nobody ever sees half of it. */
export function replace(file: string, lines: readonly string[]): void {
  writeFileSync(`${file}.new`, `${lines.join('\n')}\n`)
  renameSync(`${file}.new`, file)
}
