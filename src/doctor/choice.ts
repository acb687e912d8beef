/** What closed = "auto" takes, which is what the doctor recommends. Where anything is in doubt, "listening": it can hurt least. */
import { isOurs } from '../arm/names.ts'
import { type Mode, portText, type SilentPort } from '../settings/settings.ts'
import { detoursOf } from './detours.ts'
import type { Facts } from './facts.ts'
import { type Knocking, knockingOf } from './knocking.ts'
import { acceptingJumps, refusingChains } from './mode.ts'
import { isRefusal } from './rules.ts'

export type ChoiceFacts = Pick<Facts, 'settings' | 'sight' | 'legacy' | 'forwards' | 'detours'>

export interface Choice {
  readonly mode: Mode
  /** A clause, to be said after "since". */
  readonly because: string
  /** Another mode would see more, and could hurt somebody here. */
  readonly isCautious: boolean
  /** Where somebody's rules wait for a knock: ports that are met as by `silent`. */
  readonly knocks?: readonly SilentPort[]
}

const listening = (because: string, isCautious = true): Choice => ({ mode: 'listening', because, isCautious })

export function choose(facts: ChoiceFacts): Choice {
  const choice = chooseMode(facts)
  const knocking = 'ruleset' in facts.sight ? knockingOf(facts.sight.ruleset) : undefined
  return knocking === undefined ? choice : besideKnocking(choice, knocking)
}

/** Whoever knocks is not to be locked out: not by his knock, nor at the door, where "unaccepted" would see him refused. */
function besideKnocking(choice: Choice, { tables, ports, unread }: Knocking): Choice {
  const knocks = ports.length > 0 ? { knocks: ports } : {}
  const isUnread = unread.length > 0
  const where = `table ${tables.join(', ')} lets in who knocks`
  const spared = `${where} at ${ports.map(portText).join(', ')}, which is met as \`silent\` says`
  if (choice.mode === 'unmatched') {
    return ports.length === 0 ? choice : { ...choice, because: `${choice.because}; ${spared}`, ...knocks }
  }
  if (!isUnread) return { mode: 'listening', because: spared, isCautious: true, ...knocks }
  const because = `${where}, and chain ${unread.join(', ')} does not tell at which ports: nobody is judged before a chain of yours jumps to the trap`
  return { mode: 'unmatched', because, isCautious: true, ...knocks }
}

function chooseMode(facts: ChoiceFacts): Choice {
  const { settings, sight, legacy } = facts
  const named = [...settings.chains.input, ...settings.chains.forward]
  if (named.length > 0) {
    return { mode: 'unmatched', because: `[chains] names ${named.join(', ')}`, isCautious: false }
  }
  if ('unseen' in sight) return listening('the rules that are here cannot be seen')
  const [accepting] = acceptingJumps(sight.ruleset, settings)
  if (accepting !== undefined) {
    return listening(
      `chain ${accepting} jumps to the trap, but accepts by its policy: who comes to that jump may be a client of yours`,
    )
  }
  const jumping = refusingChains(sight.ruleset).find(({ way, jumps }) => way === 'input' && jumps)
  if (jumping !== undefined) {
    return { mode: 'unmatched', because: `your chain ${jumping.chain} jumps to the trap`, isCautious: false }
  }
  if (legacy.length > 0) return listening('there are tables of iptables-legacy, whose rules cannot be seen')
  const refusing = refusersOf(facts)
  if (refusing.length === 0) return listening('no rule here refuses anything', false)
  const [detour] = detoursOf(facts)
  if (detour !== undefined) return listening(detour)
  if (!sight.supports.log) return listening('"unaccepted" needs NFLOG, which this kernel lacks')
  const what = refusing.length === 1 ? 'refuses' : 'refuse'
  return {
    mode: 'unaccepted',
    because: `${refusing.join(', ')} ${what} what you do not allow`,
    isCautious: false,
  }
}

/** Tables of others with a filter for incoming, or forwarded traffic, that refuses something by its policy or by a rule. */
function refusersOf({ sight, forwards }: ChoiceFacts): string[] {
  const { chains, rules } = 'ruleset' in sight ? sight.ruleset : { chains: [], rules: [] }
  const hooks = forwards ? ['input', 'forward'] : ['input']
  const filters = chains.filter(
    ({ name, hook, family }) =>
      hook !== undefined && hooks.includes(hook) && ['ip', 'ip6', 'inet'].includes(family) && !isOurs(name),
  )
  const refuses = filters.filter(
    filter =>
      filter.policy === 'drop' ||
      rules.some(
        rule =>
          rule.family === filter.family &&
          rule.table === filter.table &&
          !isOurs(rule.chain) &&
          isRefusal(rule),
      ),
  )
  return [...new Set(refuses.map(({ family, table }) => `table ${family} ${table}`))]
}
