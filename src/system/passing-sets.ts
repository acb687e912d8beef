/** The reader of capture/refused.ts. Who is pending is asked for one by one: that set is as large as strangers make it. */

import { openElements, type RulesetElement, readElements } from 'nfnetlink'
import { TABLE } from '../arm/names.ts'
import { PASSING_MAX } from '../arm/ruleset/sets.ts'
import type { Passing, PassingSets } from '../capture/refused.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import type { Address } from '../terms/address.ts'
import { keyBytes } from '../terms/address-bytes.ts'
import { isPassingKey, refusedOf } from './passing-key.ts'

/** While it is read some of them go, and others come. */
const READ_MAX = 2 * PASSING_MAX

export const passingSets: PassingSets = {
  async passing() {
    const four = await readElements(TABLE.name, 'flypaper_passing', READ_MAX)
    const six = await readElements(TABLE.name, 'flypaper_passing6', READ_MAX)
    return four === undefined || six === undefined ? undefined : [...four, ...six].flatMap(passingOf)
  },
  refusedOf: key => refusedOf(Buffer.from(key, 'latin1')),
  pending(sources) {
    const four = keysOf(sources.filter(source => !source.includes(':')))
    const six = keysOf(sources.filter(source => source.includes(':')))
    return new Set([
      ...found('flypaper_pending', four).map(({ key }) => formatIPv4(key, 0)),
      ...found('flypaper_pending6', [...six, ...six.map(net64Of)]).map(({ key }) => formatIPv6(key, 0)),
    ])
  },
}

function passingOf({ key, expiresMs }: RulesetElement): Passing[] {
  if (!isPassingKey(key) || expiresMs === undefined) return []
  return [{ key: Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1'), expiresMs }]
}

function keysOf(sources: readonly Address[]): Uint8Array[] {
  return [...new Set(sources)].map(keyBytes)
}

/** As the set holds a /64: its first address. */
function net64Of(key: Uint8Array): Uint8Array {
  return key.slice().fill(0, 8)
}

function found(set: string, keys: readonly Uint8Array[]): readonly RulesetElement[] {
  using elements = openElements(TABLE.name)
  return elements.ask(set, keys)
}
