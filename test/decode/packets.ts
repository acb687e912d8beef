/** Valid packets, built field by field, for the decoder to take apart. */

export type Bytes = Uint8Array

export function ipv4(
  protocol: number,
  transport: Bytes,
  fields: { options?: Bytes; fragment?: number } = {},
): Bytes {
  const { options = new Uint8Array(0), fragment = 0 } = fields
  const header = new Uint8Array(20)
  header[0] = 0x40 | ((20 + options.length) / 4)
  header.set(be16(fragment), 6)
  header[9] = protocol
  header.set([192, 0, 2, 1, 198, 51, 100, 20], 12)
  return joined(header, options, transport)
}

export const IPV6_SOURCE = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

export function ipv6(next: number, rest: Bytes, source: Bytes = IPV6_SOURCE): Bytes {
  const header = new Uint8Array(40)
  header[0] = 0x60
  header[6] = next
  header.set(source, 8)
  header.set(IPV6_SOURCE, 24)
  header[39] = 2
  return joined(header, rest)
}

export function tcp(from: number, port: number, flags: number): Bytes {
  const header = new Uint8Array(20)
  header.set([...be16(from), ...be16(port)])
  header.set([0x50, flags], 12)
  return header
}

/** UDP and SCTP begin alike. */
export function ports(from: number, port: number): Bytes {
  return Uint8Array.of(...be16(from), ...be16(port), 0, 8, 0, 0)
}

/** An extension header of `words` times 8 bytes. */
export function extension(next: number, words = 1): Bytes {
  const header = new Uint8Array(words * 8)
  header.set([next, words - 1])
  return header
}

export function fragment(next: number, offset: number): Bytes {
  return Uint8Array.of(next, 0, ...be16(offset << 3), 0, 0, 0, 9)
}

/** An authentication header with 12 bytes of check value: 24 bytes, counted as 4 (RFC 4302). */
export function authentication(next: number): Bytes {
  const header = new Uint8Array(24)
  header.set([next, 4])
  return header
}

export function joined(...parts: Bytes[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts))
}

function be16(value: number): [number, number] {
  return [value >> 8, value & 0xff]
}
