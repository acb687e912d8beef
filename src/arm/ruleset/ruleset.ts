/**
 * The ruleset as data: settings in, sets and chains out. What it means is said rule by rule in the parts;
 * docs/decisions/0001-the-ruleset.md says why it is built so.
 */
import type { Settings } from '../../settings/settings.ts'
import { closedMode } from '../../settings/settings.ts'
import type { ChainName } from '../names.ts'
import { harmless } from './dry-run.ts'
import { entrances } from './entrances.ts'
import { judge } from './judge.ts'
import { early, ours, out, stuck } from './reflex.ts'
import { sets } from './sets.ts'
import { type ChainSpec, FIRST_LOCAL_PORT, type Ruleset, type Statement } from './spec.ts'

/** The whole trap. `firstLocalPort` is the first of the ports from which this machine opens connections. */
export function rulesetOf(
  settings: Settings,
  statement: Statement,
  firstLocalPort = FIRST_LOCAL_PORT,
): Ruleset {
  const { chains, absent } = entrances(settings, firstLocalPort)
  const ruleset: Ruleset = {
    sets: sets(settings),
    chains: [
      early(),
      stuck(),
      out(closedMode(settings), settings.grades),
      ours(),
      ...chains,
      ...judge(settings, statement, firstLocalPort),
    ],
    absent,
  }
  return settings.dryRun ? harmless(ruleset) : ruleset
}

/**
 * What may be loaded at boot, before the daemon runs: the flies are dropped, nobody is judged, and nothing is
 * needed that a kernel could lack. The entrances are there, empty, for the administrator's jumps.
 */
export function bootRulesetOf(settings: Settings): Ruleset {
  const entrance = (name: ChainName): ChainSpec => ({
    name,
    why: 'Empty until the daemon arms the trap.',
    paragraphs: [],
  })
  return {
    sets: sets(settings),
    chains: [early(), stuck(), entrance('flypaper_input'), entrance('flypaper_forward')],
    absent: [],
  }
}
