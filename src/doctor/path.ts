/** The way of a packet through the base chains of everybody, with the trap in its place. */
import { type ChainName, isOurs, TABLE } from '../arm/names.ts'
import { rulesetOf } from '../arm/ruleset/ruleset.ts'
import type { Settings } from '../settings/settings.ts'
import { isEntrance, isInOurTable, targetsOf } from './rules.ts'
import type { Chain, InTable, Ruleset } from './ruleset.ts'

export interface Station extends InTable {
  readonly hook: string
  /** The lower, the earlier; of two chains with the same the one that was loaded first comes first. */
  readonly priority: number
  readonly chain: string
  readonly ours: boolean
  /** Offences are found here: in a chain of ours, or in one that jumps to the trap. */
  readonly judges: boolean
  /** Neither rules nor a policy that drops. */
  readonly isEmpty: boolean
  /** What the chain does, for people. */
  readonly what: string
}

/** In the order in which a packet meets them; what this machine sends by itself is not our concern. */
const HOOKS = ['ingress', 'prerouting', 'input', 'forward', 'postrouting']

const ROLES: Partial<Record<ChainName, string>> = {
  flypaper_early: 'drops flies and the held',
  flypaper_listening: 'judges: does anybody listen?',
  flypaper_through: 'drops what is new from the pending',
  flypaper_end_input: 'takes the note back',
  flypaper_end_forward: 'takes the note back',
  flypaper_strays: 'drops what is new from whoever is pending',
  flypaper_out: 'answers no fly',
}

/** Hooks and priorities of the tables of iptables-legacy: enum nf_ip_hook_priorities. */
const LEGACY: Readonly<Record<string, readonly (readonly [hook: string, priority: number])[]>> = {
  raw: [['prerouting', -300]],
  mangle: ['prerouting', 'input', 'forward', 'postrouting'].map(hook => [hook, -150] as const),
  nat: [
    ['prerouting', -100],
    ['input', 100],
    ['postrouting', 100],
  ],
  filter: [
    ['input', 0],
    ['forward', 0],
  ],
  security: [
    ['input', 50],
    ['forward', 50],
  ],
}

export function pathOf(ruleset: Ruleset, legacy: readonly InTable[], settings: Settings): readonly Station[] {
  const theirs = ruleset.chains.filter(({ name, family }) => !isOurs(name) && family !== 'arp')
  return [
    ...ours(settings),
    ...theirs.flatMap(chain => station(chain, ruleset, settings)),
    ...legacy.flatMap(ofLegacy),
  ]
    .filter(({ hook }) => HOOKS.includes(hook))
    .sort(
      (one, other) => HOOKS.indexOf(one.hook) - HOOKS.indexOf(other.hook) || one.priority - other.priority,
    )
}

/** Where the trap is, or would be when it is armed with these settings. */
function ours(settings: Settings): readonly Station[] {
  return rulesetOf(settings, 'log').chains.flatMap(({ name, hook: text }) => {
    const [, hook, priority] = /hook (\w+) priority (-?\d+)/.exec(text ?? '') ?? []
    if (hook === undefined) return []
    const where = { family: TABLE.family, table: TABLE.name, chain: name }
    const judges = name === 'flypaper_listening'
    const what = ROLES[name] ?? ''
    return { ...where, hook, priority: Number(priority), ours: true, judges, isEmpty: false, what }
  })
}

function station(
  { family, table, name, hook, priority, policy = 'accept' }: Chain,
  ruleset: Ruleset,
  { chains }: Settings,
): readonly Station[] {
  if (hook === undefined || priority === undefined) return []
  const rules = ruleset.rules.filter(
    rule => rule.chain === name && rule.table === table && rule.family === family,
  )
  const isNamed = isInOurTable({ family, table }) && [...chains.input, ...chains.forward].includes(name)
  const judges = isNamed || rules.some(rule => targetsOf(rule).some(isEntrance))
  const isEmpty = rules.length === 0 && policy === 'accept'
  const count = `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}`
  const what = `policy ${policy}, ${count}${judges ? ', jumps to the trap' : ''}`
  return [{ family, table, chain: name, hook, priority, ours: false, judges, isEmpty, what }]
}

function ofLegacy({ family, table }: InTable): readonly Station[] {
  return (LEGACY[table] ?? []).map(([hook, priority]) => ({
    family,
    table,
    hook,
    priority,
    chain: hook.toUpperCase(),
    ours: false,
    judges: false,
    isEmpty: false,
    what: 'iptables-legacy; rules unseen',
  }))
}
