import { parsePrefix } from '../../../terms/address.ts'
import { escapeText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { withActions } from '../reach.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'

export const free: Verb = {
  name: 'free',
  summary: 'free flies, by address, prefix or host name',
  args: '<who...>',
  options: [JSON_OPTION],
  details:
    'The time does not count as a repeat. Of an IPv6 address the whole /64 is freed. A host name means all its addresses.',
  examples: [
    'sudo flypaperd free 69.0.231.79',
    'sudo flypaperd free 2001:db8:1:2::/64',
    'sudo flypaperd free vpn.example.org',
  ],
  async run(call) {
    const who = (await Promise.all(call.args.map(arg => addressesOf(call, arg)))).flat()
    const { flies, held, count } = await withActions(call, actions =>
      actions.free({ who: [...who], by: call.system.user }),
    )
    if (call.options.json) call.print(JSON.stringify({ flies, held, count }))
    else {
      for (const fly of flies) call.print(`Freed ${fly}.`)
      for (const source of held) call.print(`Freed ${source}, which was only held.`)
      if (flies.length + held.length === 0)
        call.print(`Nobody to free: ${call.args.map(escapeText).join(', ')} is no fly.`)
    }
    return flies.length + held.length === 0 ? EXIT.no : EXIT.ok
  },
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i

async function addressesOf({ system }: Call, text: string): Promise<readonly string[]> {
  if (parsePrefix(text) !== undefined) return [text]
  const [address, length] = text.split('/')
  if (length !== undefined && parsePrefix(address!) !== undefined) {
    throw new Failure(`${escapeText(text)} is no prefix: are bits set behind its length?`, {
      exit: EXIT.usage,
    })
  }
  if (!HOST_NAME.test(text) || /^[\d.]+$/.test(text)) {
    throw new Failure(`${escapeText(text)} is no address, no prefix and no host name`, { exit: EXIT.usage })
  }
  return system.resolve(text)
}
