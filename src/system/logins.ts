/** From which addresses somebody logged in here lately: wtmp(5) and utmp(5), as glibc writes them. Newer systems have none. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Unreadable } from '../settings/sources.ts'
import { type Address, parseAddress } from '../terms/address.ts'
import { whyUnreadable } from './files.ts'

const FILES = ['/var/log/wtmp', '/run/utmp'] as const
/** Bytes of the end of a file that are looked at: some 2,700 logins. */
const END_BYTES = 1024 * 1024
/** Addresses that are remembered, those of the latest logins. */
export const LOGINS_MAX = 64
const LATELY_S = 30 * 86_400
const USER_PROCESS = 7

/** The record of bits/utmp.h: 64-bit fields where the machine never had 32-bit ones. */
const LAYOUT =
  process.arch === 'arm64'
    ? { size: 400, seconds: 344, address: 360 }
    : { size: 384, seconds: 340, address: 348 }

/** Unreadable: neither of the files can be read. */
export function lastLogins(
  now: number,
  files: readonly string[] = FILES,
): { readonly addresses: readonly Address[] } | Unreadable {
  const latest = new Map<Address, number>()
  let unreadable: Unreadable | undefined
  let isRead = false
  for (const file of files) {
    const end = endOf(file)
    if ('unreadable' in end) unreadable ??= { ...end, because: `${file}: ${end.because}` }
    else {
      isRead = true
      for (const { address, at } of loginsIn(end.bytes))
        if (now / 1000 - at < LATELY_S) latest.set(address, Math.max(at, latest.get(address) ?? 0))
    }
  }
  if (!isRead && unreadable !== undefined) return unreadable
  const sorted = [...latest].sort(([, one], [, other]) => other - one)
  return { addresses: sorted.slice(0, LOGINS_MAX).map(([address]) => address) }
}

function endOf(file: string): { readonly bytes: Buffer } | Unreadable {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const { size } = fstatSync(descriptor)
      const records = Math.floor(Math.min(size, END_BYTES) / LAYOUT.size)
      const bytes = Buffer.alloc(records * LAYOUT.size)
      const from = (Math.floor(size / LAYOUT.size) - records) * LAYOUT.size
      return { bytes: bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, from)) }
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    return whyUnreadable(error)
  }
}

function* loginsIn(bytes: Buffer): Generator<{ readonly address: Address; readonly at: number }> {
  for (let start = 0; start + LAYOUT.size <= bytes.length; start += LAYOUT.size) {
    if (bytes.readInt16LE(start) !== USER_PROCESS) continue
    const words = bytes.subarray(start + LAYOUT.address, start + LAYOUT.address + 16)
    if (words.every(byte => byte === 0)) continue // On the console.
    const isFour = words.subarray(4).every(byte => byte === 0)
    const text = isFour
      ? words.subarray(0, 4).join('.')
      : Array.from({ length: 8 }, (_, i) => words.readUInt16BE(i * 2).toString(16)).join(':')
    const address = parseAddress(text)
    if (address !== undefined) yield { address, at: bytes.readUInt32LE(start + LAYOUT.seconds) }
  }
}
