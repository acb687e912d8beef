import { readingOf } from '../../../history/reading.ts'
import { parsePrefix } from '../../../terms/address.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { type Known, knownOf } from '../../known.ts'
import { factsOfKnown, knownOfFacts } from '../../lockout-facts.ts'
import { reachableOf, reachablePorts, reachableText } from '../../reachable.ts'
import { networkText, type Place } from '../geo.ts'
import { daemonThatReads, geoFor, historyToRead, statusOf, withByHand } from '../reading.ts'
import { happenings, reachable, standing, wayOut } from '../story.ts'
import { wrap } from '../terminal.ts'
import { dateText } from '../times.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

export const why: Verb = {
  name: 'why',
  summary: 'the whole story of a source: what it tried, when, what was made of it, and why',
  args: '<who...>',
  options: [JSON_OPTION, { flags: '--dry-run', what: 'instead, what a dry run has made of it' }],
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
    const dryRun = options.dryRun === true
    for (const one of who) known.push({ ...(await findOut(call, one, dryRun)), dryRun })
    const now = system.now()
    const geo = await geoFor(call)
    if (options.json) print(jsonText(known.map(one => ({ ...factsOf(one, now), ...geo?.of(one.who) }))))
    else print(known.map(one => textOf(one, now, system.terminal.columns, geo?.of(one.who))).join('\n\n'))
    const nothing = known.every(
      ({ lockouts, around, sightings, neverByHand }) =>
        lockouts.length + around.length + sightings.length === 0 && neverByHand === undefined,
    )
    return nothing ? EXIT.no : EXIT.ok
  },
}

/** By the daemon, where the history and the kernel are not ours to ask. */
async function findOut(call: Call, who: string, dryRun: boolean): Promise<Known> {
  const daemon = await daemonThatReads(call, dryRun)
  if (daemon !== undefined) return knownOfFacts(await daemon.why({ who }))
  const { system, usableSettings } = call
  using history = await historyToRead(call, dryRun)
  const settings = await withByHand(call, usableSettings().settings)
  return await knownOf(who, parsePrefix(who)!, {
    reading: readingOf(history),
    settings,
    reachable: reachableOf(settings, system.surroundings.doors),
    names: (await statusOf(call))?.names ?? [],
    now: system.now(),
    async kernel(ask) {
      using firewall = system.openFirewall()
      return await ask(firewall)
    },
  })
}

function textOf(known: Known, now: number, columns: number, place: Place = {}): string {
  const lines = happenings(known, now).map(({ at, text }) => {
    const date = `${dateText(at)}  `
    return wrap(`${date}${escapeText(text)}`, columns, date.length)
  })
  const way = wayOut(known, now)
  const still = reachable(known, now)
  const open = still && reachableText(still)
  const { names = [] } = known
  const ends = [
    ...(names.length === 0 ? [] : [escapeText(`known: ${names.join(', ')}`)]),
    ...(place.country === undefined ? [] : [`Country: ${escapeText(place.country)}`]),
    ...(place.asn === undefined ? [] : [`Network: ${escapeText(networkText(place))}`]),
    ...(open === undefined ? [] : [`Still reachable: ${open}`]),
    ...(way === undefined ? [] : [escapeText(way)]),
  ]
  return [wrap(escapeText(standing(known, now)), columns), ...lines, ...ends].join('\n')
}

function factsOf(known: Known, now: number): object {
  const still = reachable(known, now)
  const ports = still === undefined ? [] : reachablePorts(still)
  const { who, ...facts } = factsOfKnown(known)
  return { who, standing: standing(known, now), ...(ports.length > 0 && { reachable: ports }), ...facts }
}
