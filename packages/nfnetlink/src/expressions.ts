/**
 * Expressions that sets give to their elements, as bytes. Pure and total. Attributes: linux/netfilter/nf_tables.h, NFTA_EXPR_…,
 * NFTA_LIST_ELEM, NFTA_COUNTER_….
 */
import { attributes, attributesByType, numberOf, textOf, within } from './attributes.ts'

const LIST_ELEMENT = 1
const EXPRESSION = { name: 1, data: 2 }
const COUNTER_PACKETS = 2

/** Those of a list: NFTA_SET_EXPRESSIONS, NFTA_SET_ELEM_EXPRESSIONS. */
export function listOf(list: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = []
  for (const { type, value } of attributes(list)) if (type === LIST_ELEMENT) found.push(value)
  return found
}

/** `counter`, `limit`, `quota`; empty where the bytes tell none. */
export function expressionName(expression: Uint8Array): string {
  return textOf(within(expression, EXPRESSION.name) ?? new Uint8Array())
}

/** What the counter among these has counted; undefined where there is none. Beyond 2^53 it is only large. */
export function packetsCounted(expressions: readonly Uint8Array[]): number | undefined {
  for (const expression of expressions) {
    if (expressionName(expression) !== 'counter') continue
    const packets = within(attributesByType(expression).get(EXPRESSION.data), COUNTER_PACKETS)
    if (packets !== undefined) return numberOf(packets)
  }
  return undefined
}
