import type { Firewall } from '../../../arm/firewall.ts'
import { namesOf } from '../../../lockout/flies.ts'
import { heldNow } from '../../../lockout/hold.ts'
import { lockoutFacts } from '../../../log/sentence.ts'
import type { Settings } from '../../../settings/settings.ts'
import { type Address, type Prefix, parsePrefix, widen } from '../../../terms/address.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { elementOf } from '../../../terms/fly.ts'
import { prefixSet } from '../../../terms/prefix-set.ts'
import { reachableOf, reachablePorts, reachableText } from '../../reachable.ts'
import { historyToRead } from '../reading.ts'
import { happenings, type Known, reachable, standing, wayOut } from '../story.ts'
import { wrap } from '../terminal.ts'
import { dateText } from '../times.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

/** Lockouts of one source that are told; the story of a year is long enough. */
const TOLD = 200

export const why: Verb = {
  name: 'why',
  summary: 'the whole story of a source: what it tried, when, what was made of it, and why',
  args: '<who...>',
  options: [JSON_OPTION],
  details:
    'Also of one that is no fly any more or never was, and why it was spared. WHO is an address, an IPv6 /64, a prefix that was locked out by hand, or a host name.',
  examples: ['sudo flypaperd why 69.0.231.79', 'sudo flypaperd why 2001:db8:1:2::9 --json'],
  exits: {
    [EXIT.ok]: 'something is known',
    [EXIT.no]: 'nothing is known, or a host name has no address',
  },
  async run(call) {
    const { system, options, print } = call
    const who = await whoIs(call)
    const known: Known[] = []
    for (const one of who) known.push(await knownOf(call, one))
    const now = system.now()
    if (options.json) print(jsonText(known.map(one => factsOf(one, now))))
    else print(known.map(one => textOf(one, now, system.terminal.columns)).join('\n\n'))
    const nothing = known.every(
      ({ lockouts, around, sightings }) => lockouts.length + around.length + sightings.length === 0,
    )
    return nothing ? EXIT.no : EXIT.ok
  },
}

async function knownOf(call: Call, who: string): Promise<Known> {
  const { system, usableSettings } = call
  const prefix = parsePrefix(who)!
  using history = await historyToRead(call)
  const names = [prefix.text, ...(prefix.family === 6 ? [widen(prefix, 64).text] : [])]
  const { settings } = usableSettings()
  return {
    who,
    lockouts: history.lockoutsOf(names, TOLD),
    around: history.lockedAround(prefix, system.now()).filter(({ source }) => !names.includes(source)),
    sightings: history.sightingsOf(names),
    alsoTried: history.sampleOf(names),
    ...(await inKernel(system, prefix)),
    never: entryOf(settings, prefix),
    threshold: settings.evidence.threshold,
    reachable: reachableOf(settings, system.surroundings.doors),
  }
}

/** The first entry of the never-list that it meets, and the file that names it. */
function entryOf({ never, neverFiles }: Settings, prefix: Prefix): string | undefined {
  const written = prefixSet(never).across(prefix)?.text
  if (written !== undefined) return written
  for (const { file, prefixes } of neverFiles.files) {
    const listed = prefixes.across(prefix)?.text
    if (listed !== undefined) return `${listed} of ${file}`
  }
  return undefined
}

/** Whoever may read the history need not be able to ask the kernel. */
async function inKernel(
  { openFirewall }: Call['system'],
  prefix: Prefix,
): Promise<Pick<Known, 'held' | 'isAsked' | 'packets'>> {
  try {
    using firewall = openFirewall()
    const [held] = await heldNow(firewall, [prefix])
    return { held, isAsked: true, packets: packetsOf(firewall, prefix) }
  } catch (error) {
    if (error instanceof Failure) return { held: undefined, isAsked: false }
    throw error
  }
}

/** What was counted of the flies that it is, where the set counts. */
function packetsOf(firewall: Firewall, prefix: Prefix): number | undefined {
  for (const fly of namesOf(prefix)) {
    const { set, element } = elementOf(fly)
    const [found] = firewall.ask(set as 'flypaper' | 'flypaper6', [element as Address])
    if (found !== undefined) return found.packets
  }
  return undefined
}

function textOf(known: Known, now: number, columns: number): string {
  const lines = happenings(known, now).map(({ at, text }) => {
    const date = `${dateText(at)}  `
    return wrap(`${date}${escapeText(text)}`, columns, date.length)
  })
  const way = wayOut(known, now)
  const still = reachable(known, now)
  const open = still && reachableText(still)
  const ends = [
    ...(open === undefined ? [] : [`Still reachable: ${open}`]),
    ...(way === undefined ? [] : [escapeText(way)]),
  ]
  return [wrap(escapeText(standing(known, now)), columns), ...lines, ...ends].join('\n')
}

function factsOf(known: Known, now: number): object {
  const iso = (ms: number) => new Date(ms).toISOString()
  const still = reachable(known, now)
  const ports = still === undefined ? [] : reachablePorts(still)
  return {
    who: known.who,
    standing: standing(known, now),
    ...(known.never !== undefined && { never: known.never }),
    ...(known.held !== undefined && { held: known.held }),
    ...(ports.length > 0 && { reachable: ports }),
    ...(known.packets !== undefined && { packets: known.packets }),
    lockouts: known.lockouts.map(factsOfRow),
    around: known.around.map(factsOfRow),
    ...(known.alsoTried && { alsoTried: { ...known.alsoTried, last: iso(known.alsoTried.last) } }),
    sightings: known.sightings.map(({ first, last, ...rest }) => ({
      ...rest,
      first: iso(first),
      last: iso(last),
    })),
  }
}

function factsOfRow(row: Known['lockouts'][number]): object {
  const { released } = row
  const at = released && new Date(released.at).toISOString()
  return { ...lockoutFacts(row), ...(released && { released: { ...released, at } }) }
}
