/**
 * One ruleset, in a network namespace of its own: loaded as text, listed, read by our schemas, made anew from that, and listed again.
 * Prints a JSON object: what was tried, and of what came back otherwise the name and the reason. `play.ts NAME FILE`.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import {
  type Command,
  type Listed,
  type Nftables,
  NftablesError,
  openNftables,
  restore,
} from '../../src/index.ts'
import { rulesetsIn } from './sources.ts'

export interface Played {
  /** What the kernel and nft of this machine took. */
  rules: number
  others: number
  /** What they did not, from the test suite of another version. */
  refused: number
  /** Name: reason. */
  unequal: Record<string, string>
}

const played: Played = { rules: 0, others: 0, refused: 0, unequal: {} }
const FLUSH: Command[] = [{ flush: { ruleset: null } }]

/** What can be compared: not the numbers that the kernel gives, nor times that go by. */
function comparable(object: Listed): unknown {
  const { handle, ...rest } = object as Record<string, unknown>
  return JSON.parse(JSON.stringify(rest, (key, value) => (key === 'expires' ? undefined : value)))
}

function reason(error: unknown): string {
  if (!(error instanceof NftablesError)) throw error
  return error.text.replace(/^internal:0:0-0: Error: /, '').split('\n')[0]!
}

function tryTo(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return reason(error)
  }
}

const list = (nftables: Nftables) => nftables.list({ ruleset: null }, { elements: true })

/** `rules` name those of the listing, in their order. */
function play(nftables: Nftables, name: string, base: string, rules: readonly string[]): void {
  nftables.run(FLUSH)
  const refused = tryTo(() => nftables.load(base))
  if (refused !== undefined) {
    played.refused += 1
    return
  }
  const taken = rules.filter(rule => tryTo(() => nftables.load(rule)) === undefined)
  played.refused += rules.length - taken.length
  const before = list(nftables)
  const { commands, left } = restore(before)
  for (const object of left)
    played.unequal[nameOf(name, object, before, taken)] = 'is not known to the schema'
  nftables.run(FLUSH)
  const made = new Set<Listed>(before.filter(object => !left.includes(object)))
  const inOrder = restore([...made]).commands
  if (inOrder.length !== commands.length) throw new Error('restore is not the same twice')
  const objects = [...made].toSorted(byCommand(commands))
  for (const [i, command] of commands.entries()) {
    const because = tryTo(() => nftables.run([command], { trustWords: true }))
    if (because === undefined) continue
    played.unequal[nameOf(name, objects[i]!, before, taken)] = because
    made.delete(objects[i]!)
    // Its rules can be compared all the same.
    if (because.startsWith('Missing `device')) nftables.run([onLoopback(command)])
  }
  compare(name, [...made], list(nftables), before, taken)
}

/** 1.0.6 does not list the devices of a chain. */
function onLoopback(command: Command): Command {
  const { add } = command as unknown as { add: { chain: object } }
  return { add: { chain: { ...add.chain, dev: 'lo' } } } as Command
}

/** restore() keeps what is of one kind in its order; commands and objects are told apart by their kinds alone. */
function byCommand(commands: readonly Command[]): (one: Listed, other: Listed) => number {
  const kinds = [...new Set(commands.map(command => Object.keys(Object.values(command)[0]!)[0]!))]
  return (one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind)
}

function compare(
  name: string,
  wanted: readonly Listed[],
  found: readonly Listed[],
  before: readonly Listed[],
  taken: readonly string[],
): void {
  const rest = found.map(comparable)
  for (const object of wanted) {
    if (object.kind === 'rule') played.rules += 1
    else played.others += 1
    const at = rest.findIndex(one => isDeepStrictEqual(one, comparable(object)))
    if (at >= 0) rest.splice(at, 1)
    else played.unequal[nameOf(name, object, before, taken)] = 'comes back otherwise'
  }
}

function nameOf(name: string, object: Listed, listed: readonly Listed[], taken: readonly string[]): string {
  if (object.kind === 'other') return `${name}: ${object.type}`
  if (object.kind !== 'rule') return `${name}: ${object.kind} ${'name' in object ? object.name : ''}`
  const rules = listed.filter(({ kind }) => kind === 'rule')
  const i = rules.indexOf(object)
  return `${name}: ${taken.length === rules.length ? taken[i]!.replace(/^add rule \S+ \S+ \S+ /, '') : `rule ${i + 1}`}`
}

if (Object.keys(networkInterfaces()).length > 0)
  throw new Error('not in the network namespace of the machine')
const [name = '', file = ''] = process.argv.slice(2)
using nftables = openNftables()
for (const { name: one, base, rules } of rulesetsIn(name, readFileSync(file, 'utf8')))
  play(nftables, one, base, rules)
console.log(JSON.stringify(played))
