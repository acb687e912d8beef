/** Whom a person means: addresses, prefixes, host names. */
import { parsePrefix } from '../../terms/address.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Call } from './verb.ts'

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i

/** As addresses and prefixes; a host name means all its addresses. Throws a Failure: 64, or 1 for an unknown name. */
export async function whoIs(call: Call, args: readonly string[] = call.args): Promise<readonly string[]> {
  return (await Promise.all(args.map(arg => addressesOf(call, arg)))).flat()
}

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
