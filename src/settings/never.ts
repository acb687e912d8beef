/** The kinds of value that a never-list and the like have: addresses and prefixes, and what people write in their place. */
import {
  type Address,
  familyOf,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixAround,
} from '../terms/address.ts'
import type { Kind, Wrong } from './kinds.ts'

/** One entry of a never-list. */
export const prefix: Kind<Prefix> = {
  takes: 'an address or a prefix',
  read(text) {
    if (typeof text !== 'string') return { advice: 'write it in double quotes, such as "192.0.2.7"' }
    const value = parsePrefix(text)
    return value === undefined ? whyNoPrefix(text) : { value }
  },
}

/** Where IPv6 hosts shall stick one by one. */
export const prefix6: Kind<Prefix> = {
  takes: 'an IPv6 prefix',
  read(text) {
    const reading = prefix.read(text)
    if (!('value' in reading) || reading.value.family === 6) return reading
    return {
      problem: 'is of IPv4, whose hosts always stick one by one',
      advice: 'leave it out, or write an IPv6 prefix such as "2001:db8:64::/96"',
    }
  },
}

/** Prefixes, or what is found. */
export const autoOrPrefixes: Kind<'auto' | readonly Prefix[]> = {
  takes: '"auto", or a list of addresses and prefixes',
  read(value) {
    if (value === 'auto') return { value }
    if (!Array.isArray(value)) {
      const one = typeof value === 'string' && parsePrefix(value) !== undefined
      return { write: one ? JSON.stringify([value]) : '"auto"' }
    }
    const prefixes: Prefix[] = []
    for (const entry of value) {
      const reading = prefix.read(entry)
      if (!('value' in reading)) {
        const { problem = 'is neither an address nor a prefix', ...wrong } = reading
        return { ...wrong, problem: `has the entry ${JSON.stringify(entry)}, which ${problem}` }
      }
      prefixes.push(reading.value)
    }
    return { value: prefixes }
  },
}

function whyNoPrefix(text: string): Wrong {
  const [start = '', length, ...more] = text.split('/')
  const address = parseAddress(start)
  if (address !== undefined && more.length === 0) return whyNoLength(address, length ?? '')
  if (parsePrefix(text.trim()) !== undefined) return { write: JSON.stringify(text.trim()) }
  if (text.includes('%')) return { advice: 'write the address without the % and what follows it' }
  if (!/^(?=.*[a-z])[\w-]+(\.[\w-]+)*\.?$/i.test(text))
    return { advice: 'write an address such as "192.0.2.7" or a prefix such as "2001:db8::/32"' }
  return {
    problem: 'is a name, and names are not looked up here',
    advice: `write its addresses, which "getent ahosts ${text}" shows`,
  }
}

function whyNoLength(address: Address, length: string): Wrong {
  const most = familyOf(address) === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(length) || Number(length) > most)
    return {
      problem: 'has no valid prefix length',
      advice: `write a length from 0 to ${most} behind the slash`,
    }
  return {
    problem: `has bits set behind the first ${Number(length)}`,
    advice: `write "${prefixAround(address, Number(length)).text}", or "${address}" for that one address`,
  }
}
