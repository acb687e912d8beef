/** The reader of capture/refused.ts: elements of concatenations, whose parts are padded to four bytes each. */
import { TABLE } from '../arm/names.ts'
import { PASSING_MAX } from '../arm/ruleset/sets.ts'
import type { Passing, PassingSets } from '../capture/refused.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import { type RulesetElement, readElements } from './nfnetlink/index.ts'

/** More than any such set holds. */
const PENDING_MAX = 16_777_216

export const passingSets: PassingSets = {
  async passing() {
    const four = await elementsOf('flypaper_passing', PASSING_MAX)
    const six = await elementsOf('flypaper_passing6', PASSING_MAX)
    return [...four.flatMap(one => passingOf(one, 4)), ...six.flatMap(one => passingOf(one, 16))]
  },
  async pending() {
    const four = await elementsOf('flypaper_pending', PENDING_MAX)
    const six = await elementsOf('flypaper_pending6', PENDING_MAX)
    return new Set([
      ...four.map(({ key }) => formatIPv4(key, 0)),
      ...six.map(({ key }) => formatIPv6(key, 0)),
    ])
  },
}

async function elementsOf(set: string, most: number): Promise<readonly RulesetElement[]> {
  return (await readElements(TABLE.name, set, most)) ?? []
}

/** Source, destination, protocol, port; `width` bytes an address. */
function passingOf({ key, expiresMs }: RulesetElement, width: 4 | 16): Passing[] {
  if (key.length !== 2 * width + 8 || expiresMs === undefined) return []
  const address = width === 4 ? formatIPv4 : formatIPv6
  const protocol = key[2 * width]!
  const port = (key[2 * width + 4]! << 8) | key[2 * width + 5]!
  return [{ source: address(key, 0), destination: address(key, width), protocol, port, expiresMs }]
}
