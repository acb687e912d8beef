/** The ruleset as nft text: declarative, commented rule by rule, safe to load any number of times. */
import type { Prefix } from '../../terms/address.ts'
import { type SetName, TABLE } from '../names.ts'
import type { ChainSpec, Ruleset, SetSpec } from './spec.ts'

const TABLE_TEXT = `${TABLE.family} ${TABLE.name}`
const WIDTH = 110

type Kept = Partial<Record<SetName, readonly { element: string | Prefix; seconds?: number | undefined }[]>>

/**
 * The order keeps the flies: what is missing is declared (what exists stays as it is), our own chains are emptied,
 * then filled. nft loads a file as one transaction, so there is no moment without rules. `recreate` names sets
 * whose live form differs from the wanted one and must be made anew; those in `keep` get their elements back.
 */
export function render(ruleset: Ruleset, recreate: readonly string[] = [], keep: Kept = {}): string {
  const bare = ruleset.chains.map(chain =>
    block(`chain ${chain.name}`, chain.hook === undefined ? [] : [chain.hook]),
  )
  const filled = ruleset.sets.filter(set => set.elements !== undefined)
  const flushed = [...ruleset.chains, ...ruleset.absent].map(
    chain => `flush chain ${TABLE_TEXT} ${chain.name}`,
  )
  return [
    table([
      // To declare one with other flags than it has refuses the whole file.
      ...ruleset.sets.filter(set => !recreate.includes(set.name)).map(renderSet),
      ...bare,
      ...ruleset.absent.map(chain => block(`chain ${chain.name}`, [chain.hook])),
    ]),
    `${flushed.join('\n')}\n`,
    ...ruleset.absent.map(chain => `delete chain ${TABLE_TEXT} ${chain.name}\n`),
    ...ruleset.sets.filter(set => recreate.includes(set.name)).map(set => anew(set, keep[set.name] ?? [])),
    ...filled.map(set => `flush set ${TABLE_TEXT} ${set.name}\n`),
    table([
      ...filled.filter(set => set.elements!.length > 0).map(fill),
      ...ruleset.chains.filter(chain => chain.paragraphs.length > 0).map(renderChain),
    ]),
  ].join('\n')
}

function table(blocks: readonly string[]): string {
  return `table ${TABLE_TEXT} {\n${indent(blocks.join('\n'))}}\n`
}

function renderSet(set: SetSpec): string {
  return `${comment(set.why)}${block(`set ${set.name}`, attributes(set))}`
}

function attributes(set: SetSpec): string[] {
  return [
    `type ${set.type}`,
    ...(set.size === undefined ? [] : [`size ${set.size}`]),
    ...(set.flags === undefined ? [] : [`flags ${set.flags.join(', ')}`]),
    ...(set.timeout === undefined ? [] : [`timeout ${set.timeout}s`]),
  ]
}

function anew(set: SetSpec, kept: NonNullable<Kept[SetName]>): string {
  const elements = kept.map(({ element, seconds }) => {
    const text = typeof element === 'string' ? element : element.text
    return seconds === undefined ? text : `${text} timeout ${seconds}s`
  })
  const filled = elements.length === 0 ? [] : [`elements = { ${elements.join(', ')} }`]
  return `delete set ${TABLE_TEXT} ${set.name}\n${table([block(`set ${set.name}`, [...attributes(set), ...filled])])}`
}

function fill(set: SetSpec): string {
  return block(`set ${set.name}`, [...attributes(set), `elements = { ${set.elements!.join(', ')} }`])
}

function renderChain(chain: ChainSpec): string {
  const body = chain.paragraphs.map(({ why, rules }) => `${comment(why)}${rules.join('\n')}\n`).join('\n')
  const hook = chain.hook === undefined ? '' : `${chain.hook}\n\n`
  return `${comment(chain.why)}chain ${chain.name} {\n${indent(hook + body)}}\n`
}

function block(head: string, lines: readonly string[]): string {
  return lines.length === 0 ? `${head} { }\n` : `${head} {\n${indent(`${lines.join('\n')}\n`)}}\n`
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '\t')
}

function comment(text: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return `${[...lines, line].map(one => `# ${one}\n`).join('')}`
}
