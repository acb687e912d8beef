/** Findings about port knocking: whether whoever knocks is locked out for it, and what to write then. */
import { type Mode, portText, type SilentPort } from '../settings/settings.ts'
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { knockingOf } from './knocking.ts'

const say = teller('mode')

export function knockFindings({ sight, settings }: Facts, inForce: Mode): readonly Finding[] {
  const knocking = 'ruleset' in sight ? knockingOf(sight.ruleset) : undefined
  if (knocking === undefined) return []
  const { tables, ports, unread, goesOn } = knocking
  const where = `Table ${tables.join(', ')} lets in who knocks`
  const spared = [...settings.evidence.silent, ...(settings.closed === 'auto' ? ports : [])]
  const judged = ports.filter(port => !isIn(port, spared))
  const isAfter = inForce === 'unmatched' && !goesOn
  const findings: Finding[] = []
  if (judged.length > 0 && !isAfter) {
    findings.push(
      say(
        'careful',
        `${where} at ${textOf(judged)}: with closed = "${inForce}" the first knock locks him out.`,
        `Write into the settings, or leave \`closed\` out: "auto" does that.\n${silentText([...settings.evidence.silent, ...judged])}`,
      ),
    )
  } else if (ports.length > 0) {
    const why = isAfter ? 'his rules take the knock before the trap' : 'it is met as `silent` says'
    findings.push(say('note', `${where} at ${textOf(ports)}: nobody is locked out for that, since ${why}.`))
  }
  if (unread.length > 0 && !isAfter) {
    findings.push(
      say(
        'careful',
        `${where}, and the rules of chain ${unread.join(', ')} do not tell at which ports. With "listening" and "unaccepted" the first knock locks him out.`,
        'Write closed = "listening", and these ports under [evidence]: silent = ["tcp/7000"]; or let your own chain jump to the trap, behind the rules for the knocks.',
      ),
    )
  }
  return findings
}

function isIn(port: SilentPort, ports: readonly SilentPort[]): boolean {
  return ports.some(
    ({ protocol, first, last }) => protocol === port.protocol && first <= port.first && port.last <= last,
  )
}

function textOf(ports: readonly SilentPort[]): string {
  return ports.map(portText).join(', ')
}

function silentText(ports: readonly SilentPort[]): string {
  return `[evidence]\nsilent = [${ports.map(port => `"${portText(port)}"`).join(', ')}]`
}
