/**
 * Sets that libnftables 1.0.6 cannot read. A later one (seen with 1.1.3) notes of each set of a plain type how the type was written; 1.0.6 looks for a
 * function that reads such a note, finds none, and calls it: the process ends (SIGSEGV), whatever was asked. A program in a
 * container that shares our network is enough for that.
 */

import { listSets } from 'nfnetlink'
import type { Nftables } from 'nftables-json'
import { EXIT, Failure } from '../terms/failure.ts'

/** Parts of the user data of a set, each of one byte of type, one of length, then as many: libnftnl/udata.h. */
const TYPEOF = [3, 4]
const EXPRESSION = 0
/** EXPR_VALUE of nftables' include/expression.h: a constant, which a type is noted as. */
const VALUE = 4

/** Throws a Failure (69) where libnftables would end the process. To be asked before whatever makes it look at sets. */
export function checkReadable(nft: Nftables): void {
  if (nft.listsFlaggedTables) return
  const found = listSets().find(({ userdata }) => isUnreadable(userdata))
  if (found === undefined) return
  throw new Failure(
    `libnftables ${nft.version} cannot read the set ${found.name} of table ${found.family} ${found.table}, which a later nft has made: it would end this process`,
    {
      exit: EXIT.unavailable,
      hint: 'Let whoever made it use the nft of this machine, or install a later libnftables1 (1.1.3 reads it). A trap that is armed stays armed.',
    },
  )
}

export function isUnreadable(userdata: Uint8Array): boolean {
  return [...partsOf(userdata)]
    .filter(({ type }) => TYPEOF.includes(type))
    .flatMap(({ value }) => [...partsOf(value)])
    .some(({ type, value }) => type === EXPRESSION && value.length === 4 && hostNumber(value) === VALUE)
}

function* partsOf(bytes: Uint8Array): Generator<{ type: number; value: Uint8Array }> {
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!)
    yield { type: bytes[at]!, value: bytes.subarray(at + 2, at + 2 + bytes[at + 1]!) }
}

function hostNumber(value: Uint8Array): number {
  return new Uint32Array(value.slice().buffer)[0]!
}
