/**
 * How long a lockout lasts: by the number of different ports that its source has tried, in this visit and in those before that
 * still count. One port is little: a mistyped one, a picture in a page. Several are a scan, many an attack.
 */
import type { Settings } from '../settings/settings.ts'

export type Length = Settings['lockout']['first']

/**
 * `ports`: how many different ones, from 1 on. `longest`: what the class of the source allows. Nothing lasts longer than
 * `longestForgeable`, since nearly everything can be forged; "forever" as the first length means what it says, for strangers.
 */
export function lengthOf(ports: number, longest: Length, lockout: Settings['lockout']): Length {
  const { first, several, many, manyPorts, longestForgeable } = lockout
  const wanted = ports >= manyPorts ? many : ports > 1 ? several : first
  return shortest(wanted, longest, longestForgeable)
}

function shortest(...lengths: readonly Length[]): Length {
  return lengths.reduce((one, other) => (secondsOf(other) < secondsOf(one) ? other : one))
}

function secondsOf(length: Length): number {
  return length === 'forever' ? Number.POSITIVE_INFINITY : length
}
