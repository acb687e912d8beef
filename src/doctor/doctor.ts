/** The doctor: what was seen becomes findings. Pure; nothing is changed. */
import { orphanFindings } from './baked.ts'
import { closedFindings, type Modes, modesOf } from './closed.ts'
import { dangerFindings } from './danger.ts'
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { firewallFindings } from './firewall.ts'
import { inBetweenFindings } from './in-between.ts'
import { managersOf, type Present } from './managers.ts'
import { needFindings } from './needs.ts'
import { pathOf, type Station } from './path.ts'

export interface Diagnosis {
  readonly managers: readonly Present[]
  /** Every base chain that a packet meets; empty when nothing can be seen. */
  readonly path: readonly Station[]
  readonly modes: Modes
  readonly findings: readonly Finding[]
}

export function diagnose(facts: Facts): Diagnosis {
  const managers = managersOf(facts)
  const modes = modesOf(facts)
  const settings = { ...facts.settings, closed: modes.inForce }
  const path = 'ruleset' in facts.sight ? pathOf(facts.sight.ruleset, facts.legacy, settings) : []
  const findings = [
    ...firewallFindings(managers, facts),
    ...placeFindings(path),
    ...closedFindings(facts, managers),
    ...needFindings(facts),
    ...orphanFindings(facts),
    ...dangerFindings(facts),
    ...inBetweenFindings(facts),
  ]
  return { managers, path, modes, findings }
}

const say = teller('place')

/** What comes before the judging chain decides what it sees. */
function placeFindings(path: readonly Station[]): readonly Finding[] {
  if (path.length === 0) return [say('note', 'The chains that are here cannot be seen.')]
  const at = path.findIndex(({ judges, hook }) => judges && hook === 'input')
  const before = path.slice(0, Math.max(0, at)).filter(({ ours, isEmpty }) => !ours && !isEmpty)
  if (before.length === 0) return [say('ok', 'Nobody’s rules come before it.')]
  const names = before.map(({ family, table, chain }) => `${family} ${table} ${chain}`).join(', ')
  return [
    say(
      'note',
      `Before the judging comes ${names}. What is dropped there is never seen; what is translated there is judged afterwards.`,
    ),
  ]
}
