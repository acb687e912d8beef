/**
 * Elements of sets, as libnftables-json(5) writes them, narrowed to what cannot be misread.
 *
 * libnftables gives any string in an element to getaddrinfo(3): a host name there is a blocking look-up, and
 * whoever answers it decides what is added. So every string must be a literal IPv4 or IPv6 address, and
 * everything else (ports, protocols, marks) a number.
 */
import { isIP } from 'node:net'
import * as z from 'zod'

// A zone is left out: isIP takes `fe80::1%eth0`, nft forgets the part behind the %.
const Address = z
  .string()
  .refine(text => isIP(text) !== 0 && !text.includes('%'), { error: 'not a literal IPv4 or IPv6 address' })

const Integer = z.int().min(0).max(0xffff_ffff)

const Prefix = z.strictObject({
  prefix: z
    .strictObject({ addr: Address, len: z.int().min(0) })
    .refine(({ addr, len }) => len <= (isIP(addr) === 4 ? 32 : 128), {
      error: 'prefix longer than the address',
    }),
})

const Range = z.strictObject({
  range: z.union([z.tuple([Address, Address]), z.tuple([Integer, Integer])]),
})

const Part = z.union([Address, Integer, Prefix, Range])

const Concatenation = z.strictObject({ concat: z.array(Part).min(2).max(16) })

/** What identifies an element: an address, a number, a prefix, a range, or a concatenation of those. */
export const Value = z.union([Address, Integer, Prefix, Range, Concatenation])
export type Value = z.infer<typeof Value>

/** At most 127 bytes that nft can print between quotation marks and read again. */
export const Comment = z
  .string()
  .refine(text => /^[^\p{C}\p{Zl}\p{Zp}"\\]+$/u.test(text) && Buffer.byteLength(text) < 128, {
    error: 'a comment has 1 to 127 bytes, without quotation marks, backslashes and control characters',
  })

// Whole seconds, to about 31 years. 0 is left out: nft ignores it instead of making the element permanent.
export const Seconds = z.int().min(1).max(1_000_000_000)

const Attributed = z.strictObject({
  elem: z
    .strictObject({
      val: Value,
      timeout: Seconds.optional(),
      /** What is left of the timeout. */
      expires: Seconds.optional(),
      comment: Comment.optional(),
    })
    .refine(({ timeout, expires }) => expires === undefined || expires <= (timeout ?? expires), {
      error: 'expires is longer than the timeout',
    }),
})

// In this order a check costs about 1 µs an element; with the values first, 6.
/** An element to add: a bare value, or `{ elem: { val, timeout, expires, comment } }`. */
export const NewElement = z.union([Attributed, Value])
export type NewElement = z.infer<typeof NewElement>

/** The value of an element, without its attributes. */
export function bareValue(element: NewElement): Value {
  return typeof element === 'object' && 'elem' in element ? element.elem.val : element
}
