import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { FreeAnswer } from '../../control/protocol.ts'
import { FILTER_OPTIONS, filterOf } from '../filter.ts'
import { withActions } from '../reach.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

/** Flies that are named one by one; the others are counted. */
const SAID = 100

export const free: Verb = {
  name: 'free',
  summary: 'free flies, by address, prefix or host name, by port, protocol or time',
  args: '[who...]',
  options: [JSON_OPTION, ...FILTER_OPTIONS],
  details:
    'All conditions must hold; at least one is needed, since for everybody there is flush. The time does not count as a repeat. Of an IPv6 address the whole /64 is freed. A host name means all its addresses. To free somebody who is free changes nothing, and is no error.',
  examples: [
    'sudo flypaperd free 69.0.231.79',
    'sudo flypaperd free 2001:db8:1:2::/64',
    'sudo flypaperd free vpn.example.org',
    'sudo flypaperd free --port 8443 --since 1h',
  ],
  answer: FreeAnswer,
  exits: {
    [EXIT.ok]: 'none of them is locked out, also when none was',
    [EXIT.no]:
      'an address is locked out still, as part of a prefix that was locked out by hand; or a host name has no address',
  },
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
    const freed = await withActions(call, 'free', actions => actions.free(request))
    const { flies, held, count, around = [] } = freed
    if (options.json) print(jsonText(freed))
    else {
      for (const fly of flies.slice(0, SAID)) print(`Freed ${escapeText(fly)}.`)
      if (count > SAID) print(`Freed ${count - SAID} more.`)
      for (const source of held.slice(0, SAID)) print(`Freed ${escapeText(source)}, which was only held.`)
      if (count + held.length === 0) print(nobody(call.args))
      for (const net of around) print(`But ${escapeText(net)} is locked out by hand.`)
    }
    return around.length > 0 ? EXIT.no : EXIT.ok
  },
}

function nobody(args: readonly string[]): string {
  const who = args.length === 0 ? 'nobody fits' : `${args.map(escapeText).join(', ')} is no fly`
  return `Nobody to free: ${who}.`
}
