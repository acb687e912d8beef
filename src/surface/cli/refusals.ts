/** Why somebody is not locked out by hand, in words. */
import { NETS_MAX, type Refusal, WIDEST } from '../../lockout/decide/lock.ts'

/** Completes "203.0.113.7 …". */
const WORDS: Readonly<Record<Refusal, string>> = {
  'never-list': 'meets the never-list',
  near: 'meets an address of this machine, its gateways or resolvers',
  'no-host': 'is no address of a host',
  'too-wide': `is wider than /${WIDEST[4]} (IPv6: /${WIDEST[6]}); --force does it all the same`,
  within: 'is part of a prefix that is locked out already',
  full: 'finds no room: the flypaper is full of flies that stay longer',
  'too-many': `would be more than ${NETS_MAX} prefixes`,
}

export function refusalText(why: Refusal): string {
  return WORDS[why]
}
