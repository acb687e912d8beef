import { parsePrefix } from '../../../terms/address.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { FILTER_OPTIONS, filterOf } from '../filter.ts'
import { withActions } from '../reach.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

/** Flies that are named one by one; the others are counted. */
const SAID = 100

export const free: Verb = {
  name: 'free',
  summary: 'free flies, by address, prefix or host name, by port, protocol or time',
  args: '[who...]',
  options: [JSON_OPTION, ...FILTER_OPTIONS],
  details:
    'All conditions must hold; at least one is needed, since for everybody there is flush. The time does not count as a repeat. Of an IPv6 address the whole /64 is freed. A host name means all its addresses.',
  examples: [
    'sudo flypaperd free 69.0.231.79',
    'sudo flypaperd free 2001:db8:1:2::/64',
    'sudo flypaperd free vpn.example.org',
    'sudo flypaperd free --port 8443 --since 1h',
  ],
  async run(call) {
    const { system, options, print } = call
    const conditions = Object.entries(filterOf(call)).filter(([, value]) => value !== undefined)
    if (call.args.length + conditions.length === 0) {
      throw new Failure('whom to free is not said', {
        exit: EXIT.usage,
        hint: 'Name an address, a prefix, a host name, --port, --proto or --since. For everybody: flypaperd flush.',
      })
    }
    const who: { who?: string[] } = call.args.length === 0 ? {} : { who: [...(await whoIs(call))] }
    const request = { ...who, ...Object.fromEntries(conditions), by: system.user }
    const { flies, held, count } = await withActions(call, actions => actions.free(request))
    if (options.json) print(jsonText({ flies, held, count }))
    else {
      for (const fly of flies.slice(0, SAID)) print(`Freed ${escapeText(fly)}.`)
      if (count > SAID) print(`Freed ${count - SAID} more.`)
      for (const source of held.slice(0, SAID)) print(`Freed ${escapeText(source)}, which was only held.`)
      if (count + held.length === 0) {
        print(nobody(call.args))
        for (const net of netsAround(call, who.who ?? [])) print(`But ${net} is locked out by hand.`)
      }
    }
    return count + held.length === 0 ? EXIT.no : EXIT.ok
  },
}

/** Of a prefix that is locked out, a part cannot be freed. */
function netsAround({ system }: Call, who: readonly string[]): readonly string[] {
  using history = system.openHistory({ readOnly: true })
  const nets = who.flatMap(one => history.lockedAround(parsePrefix(one)!, system.now()))
  return nets.map(({ source }) => source)
}

function nobody(args: readonly string[]): string {
  const who = args.length === 0 ? 'nobody fits' : `${args.map(escapeText).join(', ')} is no fly`
  return `Nobody to free: ${who}.`
}
