/**
 * How long a lockout lasts: `first`, then `factor` times longer for each time before, never longer than `longest`, or
 * than `longestForgeable` where anybody could have sent the evidence.
 */
import type { Tried } from '../decode/packet.ts'
import type { Settings } from '../settings/settings.ts'

type Length = Settings['lockout']['first']

export function lengthOf(
  { tried, forgeable }: { tried: Tried; forgeable: boolean },
  timesBefore: number,
  lockout: Settings['lockout'],
): Length {
  const first = tried.kind === 'udp' ? lockout.firstUdp : lockout.first
  if (first === 'forever') return 'forever'
  const longest = Math.min(
    secondsOf(lockout.longest),
    forgeable ? secondsOf(lockout.longestForgeable) : Infinity,
  )
  const wanted = Math.min(first * lockout.factor ** timesBefore, longest)
  return wanted > MAX_SECONDS ? 'forever' : (wanted as typeof first)
}

/** 100 years: longer than any kernel runs, short enough for its milliseconds. */
const MAX_SECONDS = 100 * 365 * 86_400

function secondsOf(length: Length): number {
  return length === 'forever' ? Infinity : length
}
