/** Rules as nft text: each is written once for every form of address that it is about. */
import type { SetName } from '../names.ts'
import type { Act, Address, Key, List, Lookup, Match, NftFamily, Put, Rule } from './rule.ts'

/** `both`: there is no address in it. `net6`: the /64 of an IPv6 address; `host6`: the whole of it. */
type Form = 'both' | 'ip' | 'net6' | 'host6'

/** The /64 of an IPv6 address, as nft writes it. */
const NET64 = 'and ffff:ffff:ffff:ffff::'
/** IPv6 networks whose hosts stick one by one: no /64 is meant there. */
const SINGLE: SetName = 'flypaper_single6'

/** The lines that the rule becomes, with their comments. */
export function textsOf(rule: Rule): readonly string[] {
  const comment = commentOf(rule)
  const end = comment === undefined ? [] : [`comment "${comment}"`]
  return formsOf(rule).map(form =>
    [...matchTexts(rule, form), ...rule.acts.map(act => actText(act, form)), ...end].join(' '),
  )
}

/** What the kernel keeps with the rule. */
export function commentOf({ reason, why }: Rule): string | undefined {
  return reason === undefined || why === undefined ? (reason ?? why) : `${reason}: ${why}`
}

/** The lists that the rule asks by name. */
export function listsOf({ matches }: Rule): readonly List[] {
  return matches.flatMap(match => (typeof match === 'object' && 'of' in match ? [match.of] : []))
}

/** The sets that the rule asks or fills. */
export function setsOf(rule: Rule): readonly SetName[] {
  const named = [
    ...rule.matches.flatMap(match => (isLookup(match) ? [{ set: match.in, key: match.key }] : [])),
    ...rule.acts.flatMap(act => (isPut(act) ? [act] : [])),
  ]
  const forms = formsOf(rule)
  const isSingle = forms.includes('net6') && named.some(({ key }) => hasFly(key))
  return [
    ...named.flatMap(({ set, key }) => forms.map(form => setName(set, key, form))),
    ...(isSingle ? [SINGLE] : []),
  ]
}

function formsOf({ matches, acts, only }: Rule): readonly Form[] {
  const keys = [...matches.filter(isLookup), ...acts.filter(isPut)].map(({ key }) => key)
  const isOfFamilies =
    keys.some(hasAddress) || matches.some(match => typeof match === 'object' && 'ip' in match)
  if (!isOfFamilies) return ['both']
  const six: readonly Form[] = keys.some(hasFly) ? ['net6', 'host6'] : ['host6']
  return [...(only === 'ip6' ? [] : (['ip'] as const)), ...(only === 'ip' ? [] : six)]
}

/**
 * The set is asked before the networks whose hosts stick one by one, so that an innocent's packet costs one look-up. What puts somebody
 * into a set without having asked one asks for those networks first.
 */
function matchTexts({ matches, acts }: Rule, form: Form): readonly string[] {
  const asked = matches.find((match): match is Lookup => isLookup(match) && !match.not && hasFly(match.key))
  const put = acts.find((act): act is Put => isPut(act) && act.put !== 'delete' && hasFly(act.key))
  const texts = matches.flatMap(match =>
    match === asked && form === 'net6'
      ? [matchText(match, form), `${wholeOf(asked.key)} != @${SINGLE}`]
      : [matchText(match, form)],
  )
  if (asked !== undefined || put === undefined || form === 'ip') return texts
  return [...texts, `${wholeOf(put.key)} ${form === 'net6' ? '!= ' : ''}@${SINGLE}`]
}

function matchText(match: Match, form: Form): string {
  if (typeof match === 'string') return match
  if ('ip' in match) return match[familyOf(form)]
  if ('of' in match) return `${match.field} ${match.not ? '!= ' : ''}$${match.of.list}`
  return `${keyText(match.key, form)} ${match.not ? '!= ' : ''}@${setName(match.in, match.key, form)}`
}

function actText(act: Act, form: Form): string {
  if (typeof act === 'string') return act
  if ('put' in act) {
    const element = [keyText(act.key, form), ...(act.limit === undefined ? [] : [act.limit])].join(' ')
    return `${act.put} @${setName(act.set, act.key, form)} { ${element} }`
  }
  const { tell, at, limit } = act
  const statement = tell === 'queue' ? `queue num ${at}` : `log group ${at}`
  return limit === undefined ? statement : `${limit} ${statement}`
}

function setName(name: SetName, key: Key, form: Form): SetName {
  return hasAddress(key) && familyOf(form) === 'ip6' ? (`${name}6` as SetName) : name
}

function keyText(key: Key, form: Form): string {
  return key.map(part => (typeof part === 'string' ? part : addressText(part, form))).join(' . ')
}

function addressText({ address, as, original }: Address, form: Form): string {
  const text = `${original ? 'ct original ' : ''}${familyOf(form)} ${address}`
  return as === 'fly' && form === 'net6' ? `${text} ${NET64}` : text
}

/** The address in this key as a whole, of IPv6. */
function wholeOf(key: Key): string {
  return addressText({ ...key.find(isAddress)!, as: 'host' }, 'host6')
}

function familyOf(form: Form): NftFamily {
  return form === 'ip' ? 'ip' : 'ip6'
}

function isLookup(match: Match): match is Lookup {
  return typeof match === 'object' && 'key' in match
}

export function isPut(act: Act): act is Put {
  return typeof act === 'object' && 'put' in act
}

function isAddress(part: string | Address): part is Address {
  return typeof part === 'object'
}

function hasAddress(key: Key): boolean {
  return key.some(isAddress)
}

function hasFly(key: Key): boolean {
  return key.some(part => isAddress(part) && part.as === 'fly')
}
