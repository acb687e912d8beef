/** The way back from a listing: the commands that make what it tells. */
import { Command } from './command.ts'
import type { Listed } from './listed.ts'

/** What refers to something comes after it. */
const ORDER = [
  'table',
  'chain',
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'synproxy',
  'flowtable',
  'set',
  'map',
  'rule',
]

export interface Restored {
  readonly commands: readonly Command[]
  /** What no command can make, as it was listed: kinds, statements and properties that are not known here, and statements of iptables (`xt`). */
  readonly left: readonly Listed[]
}

/**
 * Adds tables, chains, objects, sets with those elements that were listed, and rules, in the order in which they need each other. For where they are not: in an
 * empty ruleset, or behind `flush`. What libnftables leaves out of its listings cannot come back; README.md says what that is.
 */
export function restore(listed: readonly Listed[]): Restored {
  const commands: Command[] = []
  const left: Listed[] = []
  for (const object of inOrder(listed)) {
    const command = Command.safeParse(adding(object))
    if (command.success) commands.push(command.data)
    else left.push(object)
  }
  return { commands, left }
}

function adding(object: Listed): unknown {
  if (object.kind === 'other') return { add: { [object.type]: object.value } }
  const { kind, handle, ...content } = object
  return { add: { [kind]: content } }
}

function inOrder(listed: readonly Listed[]): readonly Listed[] {
  const places = new Map(ORDER.map((kind, i) => [kind, i]))
  const place = ({ kind }: Listed) => places.get(kind) ?? ORDER.length
  return listed.toSorted((one, other) => place(one) - place(other))
}
