/** The kernel's number of an interface (if_nametoindex(3)); /sys would tell that of another network namespace. */
import koffi from 'koffi'

let call: ((name: string) => number) | undefined

/** Undefined when there is no such interface any more. */
export function interfaceIndex(name: string): number | undefined {
  call ??= koffi.load(null).func('if_nametoindex', 'uint', ['str']) as (name: string) => number
  return call(name) || undefined
}
