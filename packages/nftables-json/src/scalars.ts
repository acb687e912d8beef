/** Names, numbers and texts of which commands consist. */
import * as z from 'zod'

export const Family = z.enum(['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'])
export type Family = z.infer<typeof Family>

/** What nft's own scanner takes as a name, so that a listing can be loaded again. */
export const Name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_/.-]{0,127}$/, { error: 'not a name that nft can read' })

/** What the kernel takes as the name of an interface; `*` at its end means all that begin so. */
export const Interface = z
  .string()
  .regex(/^[^\s/\p{C}"\\]{1,15}$/u, { error: 'not the name of an interface' })

export const Handle = z.int().min(1)

/** 32 bits: what a port, a protocol, a mark, a number of packets a second is. */
export const Integer = z.int().min(0).max(0xffff_ffff)

/** Bytes and packets, as far as a number of JavaScript is exact. */
export const Count = z.int().min(0)

export const Priority = z.int().min(-0x8000_0000).max(0x7fff_ffff)

/** The name of a field, a key, a type or a unit: libnftables knows which there are, and other versions know others. */
export const Token = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _.[\]-]{0,63}$/, { error: 'not a word of nft' })

export const Null = z.null()
