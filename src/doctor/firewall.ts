/** Findings about the firewall that is here, and about what happens when its manager loads it anew. */
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { MANAGERS, type Manager } from './manager.ts'
import type { Present } from './managers.ts'

const say = teller('firewall')

/** What a reload does to the trap: see docs/beside-your-firewall.md for what was tried. */
const RELOADS: Partial<Record<Manager, string>> = {
  nftables:
    'When your ruleset begins with `flush ruleset`, loading it removes the trap; the running daemon notices, says so in the log and arms it again.',
  'iptables-nft': 'iptables-restore changes its own tables only; the trap stays.',
  ufw: '`ufw reload` changes its own tables only; the trap stays.',
  firewalld: '`firewall-cmd --reload` changes its own table only; the trap stays.',
  docker: 'A restart of dockerd changes its own chains only; the trap stays.',
}

export function firewallFindings(managers: readonly Present[], facts: Facts): readonly Finding[] {
  return [...managerFindings(managers, facts), ...asleep(facts)]
}

/** Whoever looks for his rules shall know why they are not counted. */
function asleep({ sight }: Facts): readonly Finding[] {
  const tables = 'ruleset' in sight ? (sight.ruleset.asleep ?? []) : []
  const names = tables.map(({ family, table }) => `${family} ${table}`)
  if (names.length === 0) return []
  const what = names.length === 1 ? `Table ${names[0]} sleeps` : `Tables ${names.join(', ')} sleep`
  return [
    say(
      'note',
      `${what} (flags dormant): nothing in there is in force, and it is looked at as if it were not there.`,
    ),
  ]
}

function managerFindings(managers: readonly Present[], { sight }: Facts): readonly Finding[] {
  const ifUnseen = 'unseen' in sight ? ' Its rules cannot be seen.' : ''
  if (managers.length === 0 && ifUnseen !== '') {
    return [say('note', 'Whether there is a firewall here cannot be seen: see below what is missing.')]
  }
  if (managers.length === 0) {
    return [say('ok', 'There is no firewall here. None is needed: closed is where nobody listens.')]
  }
  return managers.map(present => {
    const { manager, seen } = present
    if (manager === 'iptables-legacy') return legacy(present)
    const what = `${MANAGERS[manager]}: ${whereOf(present)}.${ifUnseen}`
    return seen !== undefined && present.tables.length === 0 && ifUnseen === ''
      ? say('note', `${what} No table or chain here has a name of ${MANAGERS[manager]}.`)
      : say('ok', [what, RELOADS[manager]].filter(Boolean).join(' '))
  })
}

function whereOf({ tables, seen }: Present): string {
  return [tablesText(tables), seen].filter(Boolean).join('; ')
}

function tablesText(tables: readonly string[]): string {
  return tables.length === 0 ? '' : `${tables.length === 1 ? 'table' : 'tables'} ${tables.join(', ')}`
}

/** The kernel names tables that any look at them makes, rules or none. */
function legacy({ tables }: Present): Finding {
  return say(
    'note',
    `${MANAGERS['iptables-legacy']}: ${tablesText(tables)}. The trap works beside it; whether there are rules in it is not seen here.`,
    'Look yourself: iptables-legacy -S; ip6tables-legacy -S',
  )
}
