/** What counts against a source, as a sum that a person can check. */
import { type Piece, sumOf } from '../judge/evidence.ts'

/** `80 (2) + 8080 (2) + UDP 53 (2) = 6`; a bare number is a TCP port. */
export function sumText(evidence: readonly Piece[]): string {
  return `${evidence.map(({ what, weight }) => `${whatText(what)} (${weight})`).join(' + ')} = ${sumOf(evidence)}`
}

function whatText(what: string): string {
  const [kind, number] = what.split('/') as [string, string?]
  if (number === undefined) return kind.toUpperCase()
  if (kind === 'tcp') return number
  return `${kind === 'protocol' || kind === 'hidden' ? kind : kind.toUpperCase()} ${number}`
}
