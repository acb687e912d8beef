/** The rules of this machine, read for a proof: by nft, and by iptables what it alone can read. Changes nothing. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import {
  isOfXtables,
  type ListedTable,
  setsIn,
  tablesIn,
  withElements,
  withoutTables,
} from '../prove/listing.ts'
import type { IptablesRules } from '../prove/machine.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { readText } from './files.ts'

const PATIENCE_MS = 30_000
const MOST_BYTES = 256 << 20
/** Named sets and maps of others whose elements are cloned; each is a run of nft. */
export const SETS_MAX = 200
/** Where nftables and iptables call the same family by different names, and what writes and reads their rules. */
const IPTABLES = { ip: 'iptables', ip6: 'ip6tables' } as const
type Family = keyof typeof IPTABLES
const FAMILIES: readonly Family[] = ['ip', 'ip6']

export interface LiveRules {
  readonly ruleset: string
  readonly iptables: readonly IptablesRules[]
  /** Tables of iptables-legacy that it could not be asked for. */
  readonly hasLegacyRules: boolean
  /** Sets that were not read. */
  readonly setsLeft: number
}

/** Throws a Failure (69) where nft is missing or refuses. */
export async function readRules(): Promise<LiveRules> {
  const terse = await ask('nft', '-s', '-t', 'list', 'ruleset')
  const compat = tablesIn(terse).filter(isOfXtables)
  const saved = await Promise.all(compat.map(savedTable))
  const legacy = await Promise.all(FAMILIES.filter(hasLegacy).map(savedLegacy))
  const iptables = [...saved, ...legacy].filter(rules => rules !== undefined)
  const ruleset = withoutTables(
    terse,
    iptables.flatMap(({ table }) => table ?? []),
  )
  const sets = setsIn(ruleset)
  const listings = new Map<string, string>()
  for (const set of sets.slice(0, SETS_MAX)) listings.set(set, await ask('nft', '-s', 'list', set))
  return {
    ruleset: withElements(ruleset, listings),
    iptables,
    hasLegacyRules: legacy.includes(undefined),
    setsLeft: Math.max(0, sets.length - SETS_MAX),
  }
}

/** Another text as soon as rules are others, but for the elements of sets. */
export async function rulesNow(): Promise<string> {
  const legacy = await Promise.all(FAMILIES.filter(hasLegacy).map(savedLegacy))
  const texts = [await ask('nft', '-s', '-t', 'list', 'ruleset'), ...legacy.map(rules => rules?.text)]
  return texts
    .join('\0')
    .replace(/^#.*\n/gm, '')
    .replace(/ \[\d+:\d+\]$/gm, '')
}

async function savedTable(table: ListedTable): Promise<IptablesRules | undefined> {
  const program = IPTABLES[table.family as Family]
  if (program === undefined) return undefined
  const text = await tryToAsk(`${program}-nft-save`, '-t', table.name)
  return text === undefined ? undefined : { restore: `${program}-nft-restore`, text, table }
}

async function savedLegacy(family: Family): Promise<IptablesRules | undefined> {
  const program = `${IPTABLES[family]}-legacy`
  const text = await tryToAsk(`${program}-save`)
  return text === undefined ? undefined : { restore: `${program}-restore`, text }
}

/** Those alone have a name here that somebody has used: to be asked for does not make one. */
function hasLegacy(family: Family): boolean {
  const read = readText(`/proc/net/${family}_tables_names`)
  return 'text' in read && read.text.trim() !== ''
}

async function tryToAsk(program: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    return await ask(program, ...args)
  } catch {
    return undefined
  }
}

/** Throws a Failure (69). */
export async function ask(program: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' }
  try {
    const options = { timeout: PATIENCE_MS, maxBuffer: MOST_BYTES, env }
    return (await promisify(execFile)(program, args, options)).stdout
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string }
    const hint = (stderr || message).trim().slice(0, 2000)
    throw new Failure(`the machine cannot be read: ${program} refuses`, {
      exit: EXIT.unavailable,
      hint,
      cause,
    })
  }
}
