/** Findings about what flypaperd needs: permission, libraries, kernel modules, versions, and chains to jump from. */
import { ENTRANCES } from '../arm/names.ts'
import { rulesetOf } from '../arm/ruleset/ruleset.ts'
import { flagRefusal } from '../arm/table-flags.ts'
import { takenName } from '../arm/taken-names.ts'
import type { Origin, Settings } from '../settings/settings.ts'
import { modesOf } from './closed.ts'
import type { Facts, Sight } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { isEntrance, isInOurTable, targetsOf } from './rules.ts'

const say = teller('needs')

/** The oldest with which it was tested, and of Node the oldest that runs it. */
export const OLDEST = { libnftables: '1.0.6', kernel: '6.1', node: '24' } as const

export function needFindings(facts: Facts): readonly Finding[] {
  const { sight, settings, node, wrong } = facts
  return [
    ...(wrong === undefined
      ? []
      : [say('missing', `The settings cannot be taken: ${wrong}`, 'Correct them: flypaperd check')]),
    ...(settings.origin === undefined ? [] : origin(settings.origin)),
    ...('unseen' in sight
      ? [say('missing', `${sentence(sight.unseen)} So nothing of the kernel was seen.`, sight.advice)]
      : [capture(settings, sight.supports), socket(sight.supports), libnftables(sight)]),
    kernel(facts),
    isOlder(node, OLDEST.node)
      ? say('missing', `Node ${node} is too old.`, `Install Node ${OLDEST.node} or later.`)
      : say('ok', `Node ${node}.`),
    ...(asleepOrOwned(facts) ?? [...chains(facts), ...names(facts)]),
  ]
}

/** Whose flags keep the trap out of our table: then it does not matter what is in it. */
function asleepOrOwned({ sight }: Facts): readonly Finding[] | undefined {
  if ('unseen' in sight) return undefined
  const { tables, asleep = [] } = sight.ruleset
  const refusal = flagRefusal([...tables, ...asleep].find(isInOurTable)?.flags ?? [])
  return refusal && [say('missing', sentence(refusal.message), refusal.hint)]
}

/** Which files say how it is to be, and who else may. */
function origin({ files, remarks }: Origin): readonly Finding[] {
  const text =
    files.length === 0 ? 'There is no settings file: the defaults.' : `Settings: ${files.join(', ')}.`
  return [
    say('ok', text),
    ...remarks.map(remark => say('careful', `${remark[0]!.toUpperCase()}${remark.slice(1)}.`)),
  ]
}

/** Somebody has given one of our names to something of another kind. */
function names(facts: Facts): readonly Finding[] {
  const { sight, settings } = facts
  if ('unseen' in sight) return []
  const { chains, sets = [] } = sight.ruleset
  const table = { chains: chains.filter(isInOurTable), sets: sets.filter(isInOurTable) }
  const taken = takenName(rulesetOf({ ...settings, closed: modesOf(facts).inForce }, 'log'), table)
  return taken === undefined ? [] : [say('missing', `${taken.message}.`, taken.hint)]
}

function capture(settings: Pick<Settings, 'capture'>, { queue, log }: Sight['supports']): Finding {
  const lacksQueue = 'this kernel has no nft_queue'
  if (settings.capture === 'queue' && !queue) {
    return say(
      'missing',
      `The settings want capture = "queue", but ${lacksQueue}.`,
      loadOr('log', 'nft_queue'),
    )
  }
  if (settings.capture === 'log' && !log) {
    return say(
      'missing',
      'The settings want capture = "log", but this kernel has no NFLOG.',
      loadOr('queue', 'nft_log'),
    )
  }
  if (!queue && !log) {
    return say(
      'missing',
      'This kernel cannot hand packets over: it has neither nft_queue nor NFLOG.',
      'Load one of them: modprobe nft_queue nfnetlink_queue, or modprobe nft_log nfnetlink_log. If there is no such module, take another kernel.',
    )
  }
  if (settings.capture === 'log') return say('ok', 'Packets come by NFLOG, as the settings say.')
  if (queue) return say('ok', 'Packets come by the queue (nft_queue).')
  return say('note', `Packets come by NFLOG, since ${lacksQueue}.`)
}

function loadOr(other: 'log' | 'queue', module: string): string {
  return `Load it (modprobe ${module}), or write capture = "${other}" or "auto".`
}

function socket(supports: Sight['supports']): Finding {
  if (supports.socket) return say('ok', 'This kernel can tell whether a socket listens (nft_socket).')
  return say(
    'missing',
    'This kernel cannot tell whether a socket listens: it lacks nft_socket.',
    'Load it (modprobe nft_socket), or take a kernel that has it: any distribution kernel since 4.18.',
  )
}

function libnftables({ version }: Sight): Finding {
  if (version === undefined) return say('note', 'libnftables does not tell its version.')
  if (isOlder(version, OLDEST.libnftables)) {
    const text = `libnftables ${version} is older than ${OLDEST.libnftables}, the oldest that was tested.`
    return say('missing', text, 'Install a later one: apt-get install libnftables1')
  }
  return say('ok', `libnftables ${version}.`)
}

function kernel({ kernel: version }: Facts): Finding {
  return isOlder(version, OLDEST.kernel)
    ? say('careful', `Linux ${version} is older than ${OLDEST.kernel}, the oldest that was tested.`)
    : say('ok', `Linux ${version}.`)
}

/** Chains that the settings name must be there, and with "unmatched" something must jump to the trap. */
function chains({ sight, settings, ...facts }: Facts): readonly Finding[] {
  if ('unseen' in sight) return []
  const inTable = sight.ruleset.chains.filter(isInOurTable)
  const missing = [...settings.chains.input, ...settings.chains.forward]
    .filter(name => !inTable.some(chain => chain.name === name))
    .map(name =>
      say(
        'missing',
        `The settings name the chain ${name}, but table inet filter has no such chain.`,
        'Load your own firewall first, or correct the name under [chains].',
      ),
    )
  const { inForce } = modesOf({ sight, settings, ...facts })
  const isEntered =
    inForce !== 'unmatched' ||
    settings.chains.input.length + settings.chains.forward.length > 0 ||
    sight.ruleset.rules.some(rule => targetsOf(rule).some(isEntrance))
  if (isEntered) return missing
  const text = `With closed = "unmatched" nothing is judged, since no rule jumps to ${ENTRANCES.input}.`
  return [...missing, say('missing', text, 'Name your chains under [chains], or write the jump yourself.')]
}

/** Compares the numbers of versions, as far as the wanted one has them: `6.1.0-18-amd64`, `v24.1.0`. */
function isOlder(version: string, wanted: string): boolean {
  const numbers = (text: string) => [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  const have = numbers(version)
  for (const [i, number] of numbers(wanted).entries()) {
    const difference = (have[i] ?? 0) - number
    if (difference !== 0) return difference < 0
  }
  return false
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`
}
