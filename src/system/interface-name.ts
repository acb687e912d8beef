/** The name of an interface by the kernel's number (if_indextoname(3)); /sys would tell that of another network namespace. */
import koffi from 'koffi'

/** IF_NAMESIZE of net/if.h. */
const NAME_BYTES = 16

type Call = (index: number, name: Uint8Array) => unknown

let call: Call | undefined

/** Undefined when there is no such interface any more. Bytes that are no UTF-8 become U+FFFD. */
export function interfaceName(index: number): string | undefined {
  call ??= koffi.load(null).func('if_indextoname', 'void *', ['uint', 'void *']) as Call
  const name = Buffer.alloc(NAME_BYTES)
  call(index, name)
  return name.toString().replace(/\0.*$/s, '') || undefined
}

let numberOf: ((name: string) => number) | undefined

/** Whether an interface has this name (if_nametoindex(3)). Another one that it has beside it (altname) is none to a rule. */
export function isInterface(name: string): boolean {
  numberOf ??= koffi.load(null).func('if_nametoindex', 'uint', ['str']) as (name: string) => number
  const index = numberOf(name)
  return index !== 0 && interfaceName(index) === name
}

/**
 * Whether a rule and a listing can name it. The kernel takes any bytes but white space, `/` and `:`; nft has no way to write a quotation mark, takes an
 * asterisk at the end for "whatever follows", also in what it has listed itself, and its text is UTF-8. A listing that does not load again would leave
 * a machine without its firewall at the next boot.
 */
export function isWritable(name: string): boolean {
  return !/["\uFFFD]|\*$/.test(name)
}
