/** The ruleset as nft text: declarative, commented rule by rule, safe to load any number of times. */
import type { Prefix } from '../../terms/address.ts'
import { type SetName, TABLE } from '../names.ts'
import type { List } from './rule.ts'
import { listsOf, textsOf } from './rule-text.ts'
import type { ChainSpec, Ruleset, SetSpec } from './spec.ts'

const TABLE_TEXT = `${TABLE.family} ${TABLE.name}`
const WIDTH = 110
/** A set of so few attributes is one line. */
const SHORT = 2

type Kept = Partial<Record<SetName, readonly { element: string | Prefix; seconds?: number | undefined }[]>>

/**
 * The order keeps the flies: what is missing is declared (what exists stays as it is), our own chains are emptied,
 * then filled. nft loads a file as one transaction, so there is no moment without rules. `recreate` names sets
 * whose live form differs from the wanted one and must be made anew; those in `keep` get their elements back.
 */
export function render(ruleset: Ruleset, recreate: readonly string[] = [], keep: Kept = {}): string {
  const filled = ruleset.sets.flatMap(set =>
    set.elements === undefined ? [] : [{ set, elements: set.elements() }],
  )
  const flushed = [...ruleset.chains, ...ruleset.absent]
  const lines = (texts: readonly string[]) => texts.map(text => `${text}\n`).join('')
  return [
    table([
      // To declare one with other flags than it has refuses the whole file.
      ...ruleset.sets.filter(set => !recreate.includes(set.name)).map(renderSet),
      '',
      ...ruleset.chains.map(chain => line('chain', chain.name, [...hookOf(chain), commented(chain.why)])),
      ...ruleset.absent.map(chain => line('chain', chain.name, hookOf(chain))),
    ]),
    lines(flushed.map(chain => `flush chain ${TABLE_TEXT} ${chain.name}`)),
    lines(ruleset.absent.map(chain => `delete chain ${TABLE_TEXT} ${chain.name}`)),
    ...ruleset.sets.filter(set => recreate.includes(set.name)).map(set => anew(set, keep[set.name] ?? [])),
    lines(filled.map(({ set }) => `flush set ${TABLE_TEXT} ${set.name}`)),
    table(
      [
        ...filled.filter(({ elements }) => elements.length > 0).map(fill),
        ...renderLists(ruleset.chains),
        ...ruleset.chains.filter(chain => chain.paragraphs.length > 0).map(renderChain),
      ],
      '\n\n',
    ),
  ]
    .filter(text => text !== '')
    .join('\n')
}

/** Nothing of a table without blocks. */
function table(blocks: readonly string[], between = '\n'): string {
  const text = blocks.join(between).trim()
  return text === '' ? '' : `table ${TABLE_TEXT} {\n${indent(`${text}\n`)}}\n`
}

/** The comment is kept by the kernel that makes the set, and ignored where there is one. */
function renderSet(set: SetSpec): string {
  const what = attributes(set)
  const all = [...what, commented(set.why)]
  return what.length > SHORT ? block('set', set.name, all) : line('set', set.name, all)
}

function attributes(set: SetSpec): string[] {
  return [
    `type ${set.type}`,
    ...(set.size === undefined ? [] : [`size ${set.size}`]),
    ...(set.flags === undefined ? [] : [`flags ${set.flags.join(', ')}`]),
    ...(set.timeout === undefined ? [] : [`timeout ${set.timeout}s`]),
    ...(set.counter === true ? ['counter'] : []),
  ]
}

function anew(set: SetSpec, kept: NonNullable<Kept[SetName]>): string {
  const elements = kept.map(({ element, seconds }) => {
    const text = typeof element === 'string' ? element : element.text
    return seconds === undefined ? text : `${text} timeout ${seconds}s`
  })
  const filled = elements.length === 0 ? [] : [`elements = { ${elements.join(', ')} }`]
  const made = block('set', set.name, [...attributes(set), commented(set.why), ...filled])
  return `delete set ${TABLE_TEXT} ${set.name}\n${table([made])}`
}

function fill({ set, elements }: { set: SetSpec; elements: readonly string[] }): string {
  return block('set', set.name, [...attributes(set), `elements = { ${elements.join(', ')} }`])
}

/** Inside of the table, where they are forgotten at its end: libnftables remembers others, and refuses them the next time. */
function renderLists(chains: readonly ChainSpec[]): readonly string[] {
  const asked = chains.flatMap(({ paragraphs }) => paragraphs.flatMap(({ rules }) => rules.flatMap(listsOf)))
  const lists = new Map(asked.map(one => [one.list, one]))
  const define = ({ list, elements }: List) => `define ${list} = { ${elements.join(', ')} }`
  return lists.size === 0 ? [] : [[...lists.values()].map(define).join('\n')]
}

function renderChain(chain: ChainSpec): string {
  const body = chain.paragraphs.flatMap(paragraph => {
    const rules = paragraph.rules.flatMap(textsOf)
    return [...(paragraph.note === undefined ? [] : wrapped(paragraph.note)), rules.join('\n')]
  })
  return block('chain', chain.name, [...hookOf(chain), ...body])
}

function hookOf({ hook }: { readonly hook?: string }): string[] {
  return hook === undefined ? [] : [hook]
}

function commented(why: string): string {
  return `comment "${why}"`
}

/** All of it in one line. */
function line(kind: 'set' | 'chain', name: string, parts: readonly string[]): string {
  const ended = parts.map(part => (part.endsWith(';') ? part : `${part};`))
  return `${kind} ${name} { ${ended.join(' ')} }`
}

function block(kind: 'set' | 'chain', name: string, lines: readonly string[]): string {
  return `${kind} ${name} {\n${indent(lines.join('\n'))}\n}`
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '\t')
}

/** As comment of the text. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map(one => `# ${one}`)
}
