import { type Held, heldNow } from '../../../lockout/hold.ts'
import { lockoutFacts } from '../../../log/sentence.ts'
import { overlaps, type Prefix, parsePrefix, widen } from '../../../terms/address.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { happenings, type Known, standing } from '../story.ts'
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

async function knownOf({ system, usableSettings }: Call, who: string): Promise<Known> {
  const prefix = parsePrefix(who)!
  using history = system.openHistory({ readOnly: true })
  const names = [prefix.text, ...(prefix.family === 6 ? [widen(prefix, 64).text] : [])]
  const [never] = usableSettings().settings.never.filter(entry => overlaps(entry, prefix))
  return {
    who,
    lockouts: history.lockoutsOf(names, TOLD),
    around: history.lockedAround(prefix, system.now()).filter(({ source }) => !names.includes(source)),
    sightings: history.sightingsOf(names),
    held: await heldOf(system, prefix),
    never: never?.text,
  }
}

/** Whoever may read the history need not be able to ask the kernel. */
async function heldOf({ openFirewall }: Call['system'], prefix: Prefix): Promise<Held | undefined> {
  try {
    using firewall = openFirewall()
    const [held] = await heldNow(firewall, [prefix])
    return held
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

function textOf(known: Known, now: number, columns: number): string {
  const lines = happenings(known, now).map(({ at, text }) => {
    const date = `${dateText(at)}  `
    return wrap(`${date}${escapeText(text)}`, columns, date.length)
  })
  return [wrap(escapeText(standing(known, now)), columns), ...lines].join('\n')
}

function factsOf(known: Known, now: number): object {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    who: known.who,
    standing: standing(known, now),
    ...(known.never !== undefined && { never: known.never }),
    ...(known.held !== undefined && { held: known.held }),
    lockouts: known.lockouts.map(factsOfRow),
    around: known.around.map(factsOfRow),
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
