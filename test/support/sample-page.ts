/** Daemons for the page: one to which much has happened, one to which nothing has, and one that is not well. */
import type { LockoutFacts, ReportAnswer } from '../../src/surface/control/past-protocol.ts'
import type { FreeRequest, LockRequest, Served } from '../../src/surface/control/protocol.ts'
import { NO_NEVER, NO_PAST, NOT_FOR_PAGE, STATUS } from './daemon-status.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const LABELS = [
  ['kernel support', 'NFLOG, this kernel has no nft_queue'],
  ['flypaper set', '137 flies'],
  ['integration into input', 'closed is where nobody listens, by "auto"'],
  ['integration into forward', 'nothing is forwarded here'],
  ['process', 'pid 4711'],
  ['queue or NFLOG statement', 'NFLOG groups 4040 to 4043'],
] as const

export interface Sample {
  readonly served: Served
  /** What was asked to be done. */
  readonly done: (FreeRequest | LockRequest)[]
  /** An event for everybody who watches. */
  tell(event: object): void
  /** Those who are locked out. */
  readonly flies: LockoutFacts[]
}

/** A source of a spread-out world; the same number is the same source. */
function sourceOf(n: number): string {
  if (n % 11 === 5) return `2001:db8:${(n * 37).toString(16)}:${n.toString(16)}::/64`
  return `${[24, 45, 61, 80, 91, 103, 118, 141, 159, 185, 203][n % 11]}.${(n * 73) % 256}.${(n * 31) % 256}.${(n * 17) % 256}`
}

export function fly(n: number, more: Partial<LockoutFacts> = {}, now = Date.now()): LockoutFacts {
  const port = [23, 2323, 5060, 8080, 22, 3389, 445, 81][n % 8]!
  const isSeveral = n % 5 === 2
  return {
    id: 10_000 - n,
    source: sourceOf(n),
    tried: { kind: n % 8 === 2 ? 'udp' : 'tcp', port },
    because: isSeveral ? 'distinct-ports' : 'closed-port',
    grade: 'forgeable',
    ...(isSeveral && { ports: [`tcp/${port}`, 'tcp/8443', 'tcp/5900'] }),
    since: new Date(now - n * 200_000 - 5000).toISOString(),
    until: n % 9 === 4 ? 'forever' : new Date(now + ((n % 7) + 1) * HOUR * 0.9).toISOString(),
    times: (n % 4) + 1,
    ...more,
  }
}

function daysOf(now: number): ReportAnswer['days'] {
  return Array.from({ length: 60 }, (_, i) => ({
    day: new Date(now - (59 - i) * DAY).toISOString().slice(0, 10),
    attackers: Math.round(180 + 90 * Math.sin(i / 4) + ((i * 7919) % 83)),
  }))
}

function reportOf(now: number): ReportAnswer {
  return {
    since: new Date(now - 60 * DAY).toISOString(),
    until: new Date(now).toISOString(),
    days: daysOf(now),
    ...{ lockouts: 15_214, attackers: 12_871, attackers6: 312, reasons: [], alsoTried: [] },
    ports: [23, 22, 8080, 5060, 3389, 445, 81, 2323].map((number, i) => ({
      ...{ proto: number === 5060 ? 'udp' : 'tcp', number, lockouts: Math.round(4200 / (i + 1.2)) },
    })),
    networks: [3, 7, 1, 9, 14].map((n, i) => ({
      network: `${sourceOf(n).split('.').slice(0, 2).join('.')}.0.0/16`,
      attackers: Math.round(900 / (i + 1)),
    })),
    repeaters: [1, 2, 3, 4].map(n => ({ source: sourceOf(n), times: 31 - n * 5 })),
    spared: [
      { because: 'late', packets: 1204, sources: 311 },
      { because: 'peer', packets: 340, sources: 18 },
      { because: 'never-list', packets: 77, sources: 2 },
    ],
  }
}

/** A feed of what is told; its ids count the lines. */
function openTold(): { readonly feed: Served['feed']; tell(event: object): void } {
  const told: object[] = []
  const news: (() => void)[] = []
  const idOf = (number: number) => `${'0'.repeat(16)}-${number.toString(36)}-0-0`
  const placeOf = (after: string) =>
    after === 'start' ? 0 : after === 'now' ? told.length : Number.parseInt(after.split('-')[1]!, 36)
  return {
    feed: {
      async page(after) {
        const from = placeOf(after)
        const lines = told.slice(from).map((event, i) => JSON.stringify({ id: idOf(from + i + 1), ...event }))
        return { lines, next: idOf(told.length), isEnd: true }
      },
      onNews: listener => void news.push(listener),
    },
    tell(event) {
      told.push({ at: new Date().toISOString(), ...event })
      for (const listener of news) listener()
    },
  }
}

/** Does what it is told to the flies that it is given, as a daemon does. */
export function sampleOf(flies: LockoutFacts[], isFull = true): Sample {
  const done: Sample['done'] = []
  const { feed, tell } = openTold()
  const nothing = async () => {}
  const served: Served = {
    ...NO_PAST,
    ...NO_NEVER,
    ...NOT_FOR_PAGE,
    feed,
    status: async () => STATUS,
    health: async () =>
      LABELS.map(([label, reason]) => ({
        ...{ label, ok: true, reason: label === 'flypaper set' ? `${flies.length} flies` : reason },
      })),
    list: async ({ past, port, who, before = 0 }) => {
      const fitting = flies.filter(
        ({ tried, source }) =>
          (port === undefined || tried?.port === port) && (who === undefined || who.includes(source)),
      )
      const next = before + 100 < fitting.length ? { next: before + 100 } : {}
      return past ? { flies: [] } : { flies: fitting.slice(before, before + 100), ...next }
    },
    why: async ({ who }) => ({
      ...(await NO_PAST.why({ who })),
      packets: 42,
      lockouts: flies.filter(({ source }) => source === who),
      sightings: [
        {
          ...{ source: who, because: 'late', count: 2, tried: { kind: 'tcp' as const, port: 443 } },
          ...{ first: new Date(0).toISOString(), last: new Date(Date.now() - 2 * DAY).toISOString() },
        },
      ],
      alsoTried: { last: new Date().toISOString(), ports: ['tcp/22', 'tcp/80', 'udp/53'] },
    }),
    ...(isFull && { report: async () => reportOf(Date.now()) }),
    async lock(request) {
      done.push(request)
      for (const { who, seconds = 3600 } of request.lockouts) {
        const until = seconds === 'forever' ? seconds : new Date(Date.now() + seconds * 1000).toISOString()
        const { tried: _, ...row } = fly(0, { source: who, because: 'by-hand', until, by: request.by })
        flies.unshift(row)
        tell({ event: 'lockout', ...row, text: `lockout ${who}, by hand` })
      }
      return { locked: request.lockouts.map(({ who }) => who), kept: [], refused: [] }
    },
    async free(request) {
      done.push(request)
      const { who = [] } = request
      for (const source of who) {
        const at = flies.findIndex(one => one.source === source)
        if (at >= 0) flies.splice(at, 1)
        tell({ event: 'free', source, by: request.by, text: `free ${source} (by ${request.by})` })
      }
      return { flies: who, held: [], count: who.length }
    },
    flush: async () => 0,
    ...{ pause: nothing, stop: nothing, leave: nothing, reload: nothing, confirm: nothing },
    watch: () => ({ [Symbol.dispose]() {} }),
    metrics: async () => Buffer.from(''),
  }
  return { served, done, tell, flies }
}

export function full(): Sample {
  return sampleOf(Array.from({ length: 137 }, (_, n) => fly(n)))
}

/** Nobody has come. */
export function empty(): Sample {
  return sampleOf([], false)
}

/** Something of the trap is missing. */
export function broken(): Sample {
  const sample = full()
  const health = async () =>
    (await sample.served.health()).map(line =>
      line.label.startsWith('integration into')
        ? { label: line.label, ok: false, reason: 'no rule jumps to flypaper_input' }
        : line,
    )
  return { ...sample, served: { ...sample.served, health } }
}
