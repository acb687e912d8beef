/** The words for every reason, once. The compiler sees to it that none is missing. */
import type { Innocence } from '../judge/verdict.ts'
import type { Cause } from '../lockout/lockout.ts'

/** Completes "locked out, because …". */
const GUILTY: Readonly<Record<Cause, string>> = {
  'closed-port': 'nothing here takes what was sent to that port',
  'illegal-flags': 'no connection carries such TCP flags, to whatever port',
  ping: 'the settings call a ping an offence',
  'unknown-protocol': 'nothing here speaks that protocol',
  'icmp-question': 'nobody asks that but to find out about this host',
  'distinct-ports': 'it tried several different closed ports, which no single forged packet explains',
  'by-hand': 'a person wanted it',
}

/** Completes "let go, because …". */
const INNOCENT: Readonly<Record<Innocence, string>> = {
  unreadable: 'the packet could not be read',
  'never-list': 'it is on the never-list of the settings',
  near: 'it is an address of this machine, its gateway or its resolver',
  'no-host': 'the source is no address of a host',
  peer: 'one packet of a host that is used from here can be forged; three different closed ports are needed',
  known:
    'one packet of a client that opened a whole connection can be forged; three different closed ports are needed',
  late: 'the packet may only be late; three different ports within a minute are needed',
  refused:
    'one refused packet of somebody who is used from here, or who opened a whole connection, can be forged; three different ports are needed',
  strike: 'the settings want more offences than this one; it was held meanwhile',
}

export function wordsOf(reason: Cause | Innocence): string {
  // What another version wrote is shown as it is.
  return ({ ...GUILTY, ...INNOCENT } as Record<string, string>)[reason] ?? reason
}
