/**
 * Reads nft text as far as rendered rulesets and the tests' own have it, line by line: tables with sets, chains and rules, and `flush`,
 * `delete` and `add element` outside of them. Comments of sets and chains, and lists that have a name, are nothing to it. What it does not know it refuses, as nft does.
 */
import type { RuleView } from '../../src/arm/firewall.ts'
import { addTo, type FakeTable } from './fake-table.ts'

type Block = { readonly kind: 'set' | 'chain'; readonly name: string; readonly lines: string[] }

export function readNft(text: string, table: FakeTable): void {
  let block: Block | undefined
  for (const line of text.split('\n').map(one => one.trim())) {
    if (line === '' || /^(#|define )/.test(line)) continue
    if (block === undefined) {
      block = begin(line, table)
      continue
    }
    if (line === '}') {
      end(block, table)
      block = undefined
    } else block.lines.push(line)
  }
}

function begin(line: string, table: FakeTable): Block | undefined {
  if (line === 'table inet filter {') return void table.declare()
  if (line === '}') return undefined
  const [, kind, name, rest] = /^(set|chain) (\w+) \{(.*)$/.exec(line) ?? []
  if (kind !== undefined) {
    const block: Block = { kind: kind as Block['kind'], name: name!, lines: [] }
    if (rest!.trim() === '') return block
    if (!rest!.trim().endsWith('}')) throw new Error(`cannot read: ${line}`)
    const [, head = '', body = ''] =
      /^(type [^;]*;(?: policy \w+;)?)?(.*)$/.exec(
        rest!
          .trim()
          .slice(0, -1)
          .replace(/comment "[^"]*";/, ''),
      ) ?? []
    block.lines.push(...[head, ...body.split(';')].map(one => one.trim()).filter(Boolean))
    return void end(block, table)
  }
  const [, verb, what, of, rest2] =
    /^(flush|delete|add) (set|chain|element) inet filter (\w+)(.*)$/.exec(line) ?? []
  if (verb === 'flush' && what === 'set') table.set(of!).clear()
  else if (verb === 'flush' && what === 'chain') table.flushChain(of!)
  else if (verb === 'delete' && what === 'set') table.deleteSet(of!)
  else if (verb === 'delete' && what === 'chain') table.deleteChain(of!)
  else if (verb === 'add' && what === 'element') fill(of!, rest2!, table)
  else throw new Error(`cannot read: ${line}`)
  return undefined
}

function end({ kind, name, lines }: Block, table: FakeTable): void {
  if (kind === 'set') declareSet(name, lines, table)
  else declareChain(name, lines, table)
}

function declareSet(name: string, lines: readonly string[], table: FakeTable): void {
  const value = (key: string) =>
    lines
      .find(line => line.startsWith(`${key} `))
      ?.slice(key.length + 1)
      .replace(/;$/, '')
  const size = value('size')
  const timeout = value('timeout')
  table.declareSet({
    name,
    size: size === undefined ? undefined : Number(size),
    timeout: timeout === undefined ? undefined : Number(timeout.replace(/s$/, '')),
    flags: value('flags')?.split(', ') ?? [],
    counter: lines.includes('counter'),
  })
  const elements = value('elements =')
  if (elements !== undefined) fill(name, elements, table)
}

function fill(name: string, braced: string, table: FakeTable): void {
  const texts = braced.replace(/^\s*\{|\}\s*$/g, '').split(',')
  for (const text of texts.map(one => one.trim()).filter(one => one !== '')) {
    const [, element, seconds] = /^(\S+)(?: timeout (\d+)s)?$/.exec(text) ?? []
    if (element === undefined) throw new Error(`cannot read the element ${text}`)
    addTo(table.set(name), {
      element: element as never,
      seconds: seconds === undefined ? undefined : Number(seconds),
    })
  }
}

function declareChain(name: string, lines: readonly string[], table: FakeTable): void {
  const head = lines.find(line => line.startsWith('type '))
  const [, hook, devices, priority] =
    /hook (\w+) (?:devices = \{ (.*) \} )?priority (\S+);/.exec(head ?? '') ?? []
  const [, policy = 'accept'] = /policy (\w+)/.exec(head ?? '') ?? []
  const named = devices && { devices: devices.replaceAll('"', '').split(', ') }
  table.declareChain(
    hook === undefined ? { name } : { name, hook, ...named, priority: Number(priority), policy },
  )
  for (const line of lines) if (line !== head) table.append(name, ruleOf(line))
}

function ruleOf(text: string): Omit<RuleView, 'chain' | 'handle'> {
  const names = (like: RegExp) => [...text.matchAll(like)].map(([, name]) => name!)
  const [, comment] = /comment "([^"]*)"/.exec(text) ?? []
  const [, kind, number] = /(?:(queue) num|(?:(log) group)) (\d+)/.exec(text)?.filter(Boolean) ?? []
  return {
    comment,
    targets: names(/\b(?:jump|goto) (\w+)/g),
    sets: names(/@(\w+)\b(?!,)/g),
    ...(/\bcounter\b/.test(text) && { packets: 0 }),
    ...(kind !== undefined && { handsOver: { kind: kind as 'queue' | 'log', number: Number(number) } }),
  }
}
