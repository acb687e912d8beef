/**
 * Looks up the names of the settings, and tells the daemon which hosts they have: outside of it, since it has no socket to the internet. The time
 * that a record names is obeyed; when nobody answers, or not with an address, the last good answer counts for a day. docs/decisions/0082-names.md
 */
import type { Log } from '../log/log.ts'
import { NAME_HOSTS_MAX, NAME_SECONDS_MAX } from '../settings/host-names.ts'
import { escapeText } from '../terms/escape.ts'

/** A record is asked for again no sooner, and no later, whatever it says. */
export const LEAST_SECONDS = 30
export const MOST_SECONDS = 3600
/** The daemon may have been started anew, and remembers nothing of us. */
const TELL_SECONDS = 30

export interface Found {
  readonly address: string
  /** Seconds. */
  readonly ttl: number
}

export interface NamesWorld {
  /** As the settings have them. */
  readonly names: readonly string[]
  /** Rejects with an error whose `code` is ENODATA or ENOTFOUND where there is no such record, and another where nobody knows. Never later than in some seconds. */
  resolve(name: string, family: 4 | 6): Promise<readonly Found[]>
  /** Tells the daemon, and hears which hosts it refuses. Rejects where nobody answers, or the daemon refuses the name. */
  tell(request: {
    name: string
    hosts: string[]
    ttl: number
  }): Promise<{ readonly refused: readonly unknown[] }>
  readonly log: Pick<Log, 'info' | 'warn'>
  /** Seconds, never stepped. */
  readonly clock: () => number
  readonly leastSeconds?: number
  readonly tellSeconds?: number
}

/** The last good answer of one family. */
interface Good {
  readonly hosts: readonly string[]
  /** When it ends, in seconds of the clock. */
  readonly end: number
}

type Answer = Map<4 | 6, Good>

/** Each name in turns of its own: whoever is slow to answer for one keeps no other waiting. Disposed of, nothing is told any more. */
export function openNames(world: NamesWorld): Disposable {
  using opening = new DisposableStack()
  const told = telling(world)
  for (const name of world.names) opening.use(openName(name, world, told))
  const opened = opening.move()
  return { [Symbol.dispose]: () => opened.dispose() }
}

function openName(name: string, world: NamesWorld, told: Telling): Disposable {
  const { clock, log, leastSeconds = LEAST_SECONDS, tellSeconds = TELL_SECONDS } = world
  const remark = changes(text => log.warn(`names: ${name}: ${text}`))
  const timers = {
    look: undefined as NodeJS.Timeout | undefined,
    tell: undefined as NodeJS.Timeout | undefined,
  }
  const good: Answer = new Map()
  /** The last of which the daemon took somebody. */
  let taken: Answer = new Map()
  let last = Promise.resolve()
  let isOver = false

  const standing = (answer: Answer) =>
    [...answer.values()].filter(({ hosts, end }) => hosts.length > 0 && end - clock() >= 1)
  const hostsNow = (answer = good) => standing(answer).flatMap(({ hosts }) => hosts)

  async function look(): Promise<void> {
    const seen = await lookUp(name, world)
    if (isOver) return
    const before = hostsNow()
    if ('problem' in seen) {
      remark(
        `${seen.problem}; ${before.length === 0 ? 'no host is known by it' : 'the last good answer counts for a day'}`,
      )
      timers.look = setTimeout(look, 1000 * leastSeconds)
      return
    }
    remark(undefined)
    // Of a family of which nobody knows, the last good answer counts on.
    for (const [family, hosts] of seen.hosts) good.set(family, { hosts, end: clock() + NAME_SECONDS_MAX })
    timers.look = setTimeout(look, 1000 * Math.min(MOST_SECONDS, Math.max(leastSeconds, seen.ttl)))
    if (hostsNow().join() !== before.join()) await tell()
  }

  /** At once, and from then on every half a minute. Where all of an answer are refused, those count that were taken before. */
  function tell(): Promise<void> {
    clearTimeout(timers.tell)
    timers.tell = setTimeout(tell, 1000 * tellSeconds)
    // One after the other: what was found first is not told last.
    last = last.then(tellNow)
    return last
  }

  async function tellNow(): Promise<void> {
    for (const answer of [good, taken]) {
      // While the daemon is asked, another answer may come in.
      const asked: Answer = new Map(answer)
      const hosts = hostsNow(asked)
      const end = Math.max(...standing(asked).map(({ end }) => end))
      if (hosts.length === 0) continue
      const refused = await told({ name, hosts, ttl: Math.floor(end - clock()) })
      if (refused === undefined || isOver) return
      if (refused < hosts.length) {
        taken = asked
        return
      }
    }
  }

  look()
  return {
    [Symbol.dispose]() {
      isOver = true
      for (const timer of Object.values(timers)) clearTimeout(timer)
    },
  }
}

type Seen =
  /** Of which family somebody knows. */
  | { readonly hosts: ReadonlyMap<4 | 6, readonly string[]>; readonly ttl: number }
  | { readonly problem: string }

async function lookUp(name: string, { resolve }: NamesWorld): Promise<Seen> {
  const answers = await Promise.allSettled(([4, 6] as const).map(async family => resolve(name, family)))
  const [four, six] = answers.map(answer => {
    if (answer.status === 'fulfilled') return answer.value
    return isNone(answer.reason) ? [] : undefined
  })
  const all = [...(four ?? []), ...(six ?? [])]
  if (all.length > NAME_HOSTS_MAX)
    return { problem: `it has ${all.length} addresses, where ${NAME_HOSTS_MAX} are the most` }
  if (all.length === 0) {
    const failed = answers.find(answer => answer.status === 'rejected' && !isNone(answer.reason))
    const why =
      failed?.status === 'rejected' ? `: ${escapeText(String(failed.reason?.code ?? failed.reason))}` : ''
    return { problem: failed === undefined ? 'it has no address' : `nobody can tell its addresses${why}` }
  }
  const hosts = new Map<4 | 6, readonly string[]>()
  for (const [family, found] of [
    [4, four],
    [6, six],
  ] as const)
    if (found !== undefined) hosts.set(family, [...new Set(found.map(({ address }) => address))].sort())
  return { hosts, ttl: Math.min(...all.map(({ ttl }) => ttl)) }
}

function isNone(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'ENODATA' || code === 'ENOTFOUND'
}

/** Resolves to how many of the hosts are refused; undefined: nobody has heard it. */
type Telling = (request: Parameters<NamesWorld['tell']>[0]) => Promise<number | undefined>

/** That the daemon is away, or refuses a name, is said once, and that it takes them again. */
function telling({ tell, log }: NamesWorld): Telling {
  const problems = new Map<string, string>()
  return async request => {
    let problem: string | undefined
    let refused: number | undefined
    try {
      refused = (await tell(request)).refused.length
    } catch (error) {
      problem = escapeText(error instanceof Error ? error.message : String(error))
    }
    const { name } = request
    if (problem === problems.get(name)) return refused
    if (problem === undefined) {
      problems.delete(name)
      log.info(`names: the daemon takes the hosts of ${name} again`)
    } else {
      problems.set(name, problem)
      log.warn(
        `names: the daemon does not take the hosts of ${name}, who are told again in ${TELL_SECONDS} s: ${problem}`,
      )
    }
    return refused
  }
}

/** Says what is another thing than before. */
function changes(say: (text: string) => void): (text: string | undefined) => void {
  let before: string | undefined
  return text => {
    if (text !== undefined && text !== before) say(text)
    before = text
  }
}
