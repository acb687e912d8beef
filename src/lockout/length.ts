/** How long a lockout lasts: `first`, then `factor` times longer for each time before, never longer than `longest`. */
import type { Tried } from '../decode/packet.ts'
import type { Settings } from '../settings/settings.ts'

type Length = Settings['lockout']['first']

export function lengthOf(tried: Tried, timesBefore: number, lockout: Settings['lockout']): Length {
  const first = tried.kind === 'udp' ? lockout.firstUdp : lockout.first
  if (first === 'forever') return 'forever'
  const wanted = first * lockout.factor ** timesBefore
  if (lockout.longest === 'forever') return wanted > MAX_SECONDS ? 'forever' : (wanted as typeof first)
  return Math.min(wanted, lockout.longest) as typeof first
}

/** 100 years: longer than any kernel runs, short enough for its milliseconds. */
const MAX_SECONDS = 100 * 365 * 86_400
