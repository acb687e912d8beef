/** Times as people read and write them: local time, as in the log of this machine. */
import { formatDuration, parseDuration } from '../../terms/duration.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Terminal } from './terminal.ts'

/** `2026-11-24 16:30:12 +0100`. */
export function dateText(ms: number): string {
  const date = new Date(ms)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${time} ${zoneText(-date.getTimezoneOffset())}`
}

function zoneText(minutesEast: number): string {
  const minutes = Math.abs(minutesEast)
  return `${minutesEast < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`
}

function two(part: number): string {
  return part < 10 ? `0${part}` : String(part)
}

/** When it was: on a terminal how long ago, on a pipe the date. */
export function pastText(ms: number, now: number, { isTerminal }: Terminal): string {
  return isTerminal ? `${formatDuration((now - ms) / 1000)} ago` : dateText(ms)
}

/** Until when: on a terminal the time left, on a pipe the date. */
export function endText(until: number | 'forever', now: number, { isTerminal }: Terminal): string {
  if (until === 'forever') return 'for ever'
  return isTerminal ? formatDuration((until - now) / 1000) : dateText(until)
}

/** Milliseconds since 1970 of `7d` (that long ago), `2026-11-24` or `2026-11-24 16:30`, with a zone or without. Throws a Failure (64). */
export function parseMoment(text: string, now: number): number {
  const ago = parseDuration(text)
  if (ago !== undefined) return Math.max(0, now - ago * 1000)
  if (/^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?( [+-]\d{4})?)?$/.test(text)) {
    const [day, time = '00:00', zone = ''] = text.split(/[ T]/)
    const at = Date.parse(`${day}T${time}${zone.replace(/\d\d$/, ':$&')}`)
    if (!Number.isNaN(at)) return Math.max(0, at)
  }
  throw new Failure(
    `${escapeText(text)} is no time: write 7d for that long ago, 2026-11-24 or "2026-11-24 16:30"`,
    {
      exit: EXIT.usage,
    },
  )
}
