/** The kinds of value that [notify] takes. Nothing of them holds a character that ends a line: no header can be added by one. */
import { plain } from './bridge.ts'
import type { Kind } from './kinds.ts'

function kind<T>(one: Kind<T>) {
  return { ...one, optional: plain(one).optional() }
}

export const address = kind<string>({
  takes: 'a mail address',
  read(value) {
    const isOne =
      typeof value === 'string' && /^[^\s<>()[\],;:@"\\\p{C}]{1,64}@[A-Za-z0-9.-]{1,255}$/u.test(value)
    return isOne ? { value } : { advice: 'write it as in "root@example.org", without a name' }
  },
})

/** As systemd takes it for a file name: systemd.exec(5), LoadCredential=. */
export const credential = kind<string>({
  takes: 'the name of a credential of systemd',
  read(value) {
    if (typeof value === 'string' && /^[\w-][\w.-]{0,63}$/.test(value)) return { value }
    return { advice: 'write the name that LoadCredential= has in the unit, such as "mail"' }
  },
})

export function wholePath(what: string) {
  return kind<string>({
    takes: `the whole path ${what}`,
    read(value) {
      if (typeof value === 'string' && /^\/[^\p{Cc}]*[^/\p{Cc}]$/u.test(value)) return { value }
      return { advice: 'write it as in "/etc/flypaperd/mail.password"' }
    },
  })
}

/** HTTPS, or HTTP to this machine, where nobody reads along. The text of it, or why not. */
export function readUrl(
  text: string,
): { readonly value: string } | { readonly problem: string; readonly advice: string } {
  const url =
    text.length <= URL_MAX && !/[\s\p{C}]/u.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    return { problem: 'is no URL of the web', advice: 'write it as in "https://ntfy.sh/my-topic"' }
  if (url.username !== '' || url.password !== '')
    return { problem: 'has a user in it', advice: 'write "Authorization: Basic …" into headers_file instead' }
  if (url.protocol === 'http:' && !isThisMachine(url.hostname))
    return {
      problem: 'goes through the network for everybody to read',
      advice: 'write https://, and ca_file where your own server has a certificate of yours',
    }
  return { value: url.href }
}

/** Characters of a URL, at most. */
const URL_MAX = 2000

export const url = kind<string>({
  takes: 'a URL',
  read: value =>
    typeof value === 'string' ? readUrl(value) : { advice: 'write it as in "https://ntfy.sh/my-topic"' },
})

/** By its name, or by its address. */
export function isThisMachine(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host)
}

/** An argument, or the program itself. */
export const command: Kind<string> = {
  takes: 'a text',
  read(value) {
    if (typeof value === 'string' && value.length <= 1000 && !value.includes('\0')) return { value }
    return { advice: 'write each argument as a text of its own, in quotes' }
  },
}

/** Minutes since midnight. */
export const timeOfDay: Kind<number> = {
  takes: 'a time of day',
  read(value) {
    const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(String(value)) ?? []
    return hour === undefined
      ? { advice: 'write it as in "08:00"' }
      : { value: Number(hour) * 60 + Number(minute) }
  },
}
