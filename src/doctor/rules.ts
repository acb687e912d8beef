/** Reads as much of a rule as the doctor needs, from the statements of libnftables-json(5). */
import { ENTRANCES, TABLE } from '../arm/names.ts'
import type { InTable, Rule } from './ruleset.ts'

const VERDICTS = ['accept', 'drop', 'reject'] as const
export type Ending = (typeof VERDICTS)[number]

/** Statements that let every packet go on to the next one. */
const PASSING = ['counter', 'log']

/** The table in which it stands: `inet filter`. */
export function nameOf({ family, table }: InTable): string {
  return `${family} ${table}`
}

/** Whether a jump to the trap could stand there: it must come from the same table. */
export function isInOurTable({ family, table }: InTable): boolean {
  return family === TABLE.family && table === TABLE.name
}

export function isEntrance(chain: string): boolean {
  return Object.values<string>(ENTRANCES).includes(chain)
}

/** How the rule ends the way of a packet; undefined when it does not, or leaves it to another chain. */
export function endingOf({ expr }: Rule): Ending | undefined {
  return VERDICTS.find(verdict => expr.some(statement => isObject(statement) && verdict in statement))
}

/** Whether the rule takes every packet that comes to it. */
export function isUnconditional({ expr }: Rule): boolean {
  const known = [...PASSING, ...VERDICTS]
  return expr.every(
    statement => isObject(statement) && Object.keys(statement).every(name => known.includes(name)),
  )
}

/** The chains to which it jumps or goes, by itself or by a verdict map in it. Named maps are not opened. */
export function targetsOf({ expr }: Rule): readonly string[] {
  const found = JSON.stringify(expr).matchAll(/"(?:jump|goto)":\{"target":"([^"]+)"/g)
  return [...found].map(([, name]) => name!)
}

/** The names of its statements; of iptables' own targets their names. */
export function statementsOf({ expr }: Rule): readonly string[] {
  return expr
    .filter(isObject)
    .flatMap(statement =>
      isObject(statement.xt) && typeof statement.xt.name === 'string'
        ? [statement.xt.name]
        : Object.keys(statement),
    )
}

/** Whether it drops or rejects, also by a verdict map in it. */
export function isRefusal(rule: Rule): boolean {
  return statementsOf(rule).includes('REJECT') || /"(?:drop|reject)":/.test(JSON.stringify(rule.expr))
}

/** The destination ports that it asks for, as nft writes them: `tcp 22`, `udp 60000-61000`. Named sets are not opened. */
export function portsOf({ expr }: Rule): readonly string[] {
  return expr.flatMap(statement => {
    const match = isObject(statement) && isObject(statement.match) ? statement.match : {}
    const parts: readonly unknown[] =
      isObject(match.left) && Array.isArray(match.left.concat) ? match.left.concat : [match.left]
    const payloads = parts.map(part => (isObject(part) && isObject(part.payload) ? part.payload : {}))
    const at = payloads.findIndex(({ field }) => field === 'dport')
    const isUntold = parts.length > 1 && typeof match.right === 'string'
    if (at < 0 || match.op !== '==' || isUntold) return []
    return portsIn(match.right, at).map(port => `${String(payloads[at]!.protocol)} ${port}`)
  })
}

/** As libnftables-json(5) has values: one, a range, a set of them; of a concatenation one part. */
export function portsIn(right: unknown, part = 0): readonly string[] {
  if (typeof right === 'number' || typeof right === 'string') return [String(right)]
  if (!isObject(right)) return []
  if (Array.isArray(right.range)) return [right.range.join('-')]
  if (Array.isArray(right.concat)) return portsIn(right.concat[part])
  return Array.isArray(right.set) ? right.set.flatMap(one => portsIn(one, part)) : []
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
