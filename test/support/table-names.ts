/** A program that names what is in `table inet filter`, without the elements of its sets: nft would fetch a million of them. */
import { readTable } from '../../packages/nfnetlink/src/index.ts'
import type { Host } from './world.ts'

export interface Names {
  /** The chains that traffic meets by themselves. */
  readonly hooked: readonly string[]
  readonly chains: readonly string[]
  readonly sets: readonly string[]
  /** The chains that rules of others jump or go to: `from → to`. */
  readonly ways: readonly string[]
}

export async function namesIn(host: Host): Promise<Names> {
  return JSON.parse(await host.must([process.execPath, import.meta.filename]))
}

if (import.meta.main) {
  const { chains = [], sets = [], rules = [] } = readTable('filter') ?? {}
  const names = {
    hooked: chains.filter(({ hook }) => hook !== undefined).map(({ name }) => name),
    chains: chains.map(({ name }) => name),
    sets: sets.filter(({ isAnonymous }) => !isAnonymous).map(({ name }) => name),
    ways: rules.flatMap(({ chain, targets }) => targets.map(target => `${chain} → ${target}`)),
  } satisfies Names
  console.log(JSON.stringify(names))
}
