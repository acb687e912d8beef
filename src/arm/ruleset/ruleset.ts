/**
 * The ruleset as data: settings in, sets and chains out. What it means is said rule by rule in the parts, and in the kernel by the comments;
 * docs/decisions/0001-the-ruleset.md says why it is built so.
 */
import { unread } from '../../settings/never-files.ts'
import type { Settings } from '../../settings/settings.ts'
import { closedMode } from '../../settings/settings.ts'
import { harmless } from './dry-run.ts'
import { EMPTY_ENTRANCES, entrances } from './entrances.ts'
import { atIngress } from './ingress.ts'
import { judge } from './judge.ts'
import { USUAL_GROUND } from './matches.ts'
import { ours, out, reset, translated } from './out.ts'
import { outToStuck, reach } from './reach.ts'
import { early, stuck } from './reflex.ts'
import type { Rule } from './rule.ts'
import { setsOf } from './rule-text.ts'
import { sets } from './sets.ts'
import type { ChainSpec, Ground, Ruleset, Statement } from './spec.ts'

/** The whole trap. */
export function rulesetOf(settings: Settings, statement: Statement, ground: Ground = USUAL_GROUND): Ruleset {
  const { chains, absent } = entrances(settings, ground)
  const ruleset: Ruleset = {
    sets: sets(settings),
    chains: [
      early(),
      stuck(),
      ...reach(settings, ground),
      ...atIngress(settings, ground),
      ...atIngress(settings, ground),
      out(closedMode(settings), settings.evidence),
      translated(),
      outToStuck(settings, ground),
      reset(),
      ours(ground),
      ...chains,
      ...judge(settings, statement, ground),
    ],
    absent,
  }
  return settings.dryRun ? harmless(ruleset) : ruleset
}

/**
 * What may be loaded at boot, before the daemon runs: the flies are dropped, nobody is judged, and nothing is
 * needed that a kernel could lack. The entrances are there, empty, for the administrator's jumps. Arming declares the other sets. The files of
 * never_files are left out: no fly is of them, and a hundred thousand prefixes would be read at each boot, and written after each lockout.
 */
export function bootRulesetOf(wanted: Settings): Ruleset {
  const history = { ...wanted.history, samplesPerSecond: 0 }
  const settings = { ...wanted, neverFiles: unread([]), doors: false, history }
  const chains = [early(), stuck(), ...reach(settings, { inside: false, uplinks: [] }), ...EMPTY_ENTRANCES]
  const asked = new Set(rulesIn(chains).flatMap(setsOf))
  return { sets: sets(settings).filter(({ name }) => asked.has(name)), chains, absent: [] }
}

export function rulesIn(chains: readonly ChainSpec[]): readonly Rule[] {
  return chains.flatMap(({ paragraphs }) => paragraphs.flatMap(({ rules }) => rules))
}
