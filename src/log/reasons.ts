/** The words for every reason, once. The compiler sees to it that none is missing. */
import type { Grade, Innocence } from '../judge/verdict.ts'
import type { Cause } from '../lockout/lockout.ts'

/** Completes "locked out, because …". */
const GUILTY: Readonly<Record<Cause, string>> = {
  'closed-port': 'nothing here takes what was sent to that port',
  'illegal-flags': 'no connection carries such TCP flags, to whatever port',
  ping: 'the settings call a ping an offence',
  'unknown-protocol': 'nothing here speaks that protocol',
  'hidden-header': 'its headers are so long, so many or so cut off that they hide what it wanted',
  'icmp-question': 'nobody asks that but to find out about this host',
  'distinct-ports': 'the different ports that it tried are too many',
  'many-networks': 'many networks of this prefix tried a closed port each, and each another one',
  'by-hand': 'a person wanted it',
  testimony: 'another host or tool says so, and nothing here speaks against it',
}

/** Completes "let go, because …". */
const INNOCENT: Readonly<Record<Innocence, string>> = {
  unreadable: 'the packet told nothing of its source or of what it tried',
  'never-list': 'it is on the never-list of the settings',
  near: 'it is an address of this machine, its gateway or its resolver',
  'no-host': 'the source is no address of a host',
  peer: 'what came in the name of a host that is used from here can be forged, and is not enough',
  known:
    'what came in the name of a client that a service here has answered can be forged, and is not enough',
  late: 'honest hosts try such a port too, or their packets come late, and it is not enough',
  refused:
    'what was refused of a host that is used from here, or of a client that a service here has answered, can be forged, and is not enough',
  served: 'a service listens there, which the rules did not see yet',
  strike: 'the settings want more than this; it was held meanwhile',
  shared: 'many share its address, as the settings say; it was held only',
}

/** Completes "the evidence is …". */
const GRADE: Readonly<Record<Grade, string>> = {
  forgeable: 'forgeable (anybody can have sent it in its name)',
  'forgeable-known': 'forgeable, in the name of a known host (anybody can have sent it)',
  'by-hand': 'by hand',
  testimony: 'testimony of another host or tool',
  proven: 'proven',
}

export function gradeText(grade: Grade): string {
  return GRADE[grade] ?? grade
}

export function wordsOf(reason: Cause | Innocence): string {
  // What another version wrote is shown as it is.
  return ({ ...GUILTY, ...INNOCENT } as Record<string, string>)[reason] ?? reason
}
