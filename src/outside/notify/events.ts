/** Which events are to be told, and as what. Pure. */

import type { EventLine } from '../../surface/control/protocol.ts'
import type { Prefix } from '../../terms/address.ts'
import { covers, parsePrefix } from '../../terms/address.ts'
import type { Notice } from './notice.ts'

/** Spared for being somebody of ours. */
const SPARED_AS_OURS = ['peer', 'known', 'refused']

/** The notice that an event is, if any. `logins`: addresses from which somebody logged in here. */
export function noticeOf(line: EventLine, logins: readonly Prefix[]): Notice | undefined {
  const at = Date.parse(line.at)
  const { event, text } = line
  switch (event) {
    case 'rearmed':
      return { kind: 'trap', at, text }
    case 'alarm':
      // Warnings are for who reads the log.
      return line.level === 'error' ? { kind: 'failing', at, text } : undefined
    case 'gap':
      return { kind: 'failing', at, text }
    case 'lockout':
    case 'would-lock-out': {
      const isOurs = line.grade === 'forgeable-known'
      const hasLoggedIn = isOf(logins, line.packetSource ?? line.source)
      if (!isOurs && !hasLoggedIn) return undefined
      return { kind: 'ours', at, text: `${text} (${who(hasLoggedIn)})` }
    }
    case 'spared': {
      const isOurs = SPARED_AS_OURS.includes(String(line.because))
      const hasLoggedIn = isOf(logins, line.source)
      if (!isOurs && !hasLoggedIn) return undefined
      const count = Number.isSafeInteger(line.count) && Number(line.count) > 0 ? Number(line.count) : 1
      return { kind: 'ours', at, text: `${text} (${who(hasLoggedIn)})`, count }
    }
    default:
      return undefined
  }
}

function who(hasLoggedIn: boolean): string {
  return hasLoggedIn ? 'somebody logged in from there' : 'known here, or used from here'
}

/** An IPv6 source may be told by its /64. */
function isOf(logins: readonly Prefix[], source: unknown): boolean {
  const told = logins.length === 0 ? undefined : parsePrefix(String(source))
  return told !== undefined && logins.some(login => covers(told, login))
}
