/** The name of an interface by the kernel's number (if_indextoname(3)); /sys would tell that of another network namespace. */
import koffi from 'koffi'

/** IF_NAMESIZE of net/if.h. */
const NAME_BYTES = 16

type Call = (index: number, name: Uint8Array) => unknown

let call: Call | undefined

/** Undefined when there is no such interface any more. */
export function interfaceName(index: number): string | undefined {
  call ??= koffi.load(null).func('if_indextoname', 'void *', ['uint', 'void *']) as Call
  const name = Buffer.alloc(NAME_BYTES)
  call(index, name)
  return name.toString('latin1').replace(/\0.*$/s, '') || undefined
}
