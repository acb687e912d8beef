/** What the page knows, as signals; and what keeps it true: the feed, and looks now and then. */
import { batch, computed, signal } from '@preact/signals'
import { type FeedEvent, follow } from './feed.ts'
import {
  type DaemonStatus,
  endOf,
  type Fly,
  type Line,
  type ListAnswer,
  type ReportAnswer,
} from './shapes.ts'
import { T } from './texts.ts'
import { NO_SESSION, transport } from './transport.ts'

/** Events that are shown, at most. */
const EVENTS_MAX = 100
/** Events that wait while the page is paused or has just been painted, at most; more, and all is read again. */
const WAITING_MAX = 1000
/** Flies that are kept here, at most; more are a question away. */
const ROWS_MAX = 2000
/** The page is painted anew because of events this often at most. */
const CALM_MS = 1000
/** The reader of a screen hears of lockouts this often at most. */
const SAID_MS = 10_000
const HEALTH_MS = 10_000
const REPORT_MS = 300_000
const NOW_MS = 5000
const DAY_MS = 86_400_000
/** Answers that one search looks through for the time left, which the daemon does not search by. */
const ANSWERS_MAX = 10
const WANTED = 100

export type Connection = 'connecting' | 'live' | 'lost' | 'no-session'
export interface Search {
  readonly who: string
  readonly port: string
  readonly proto: string
  readonly reason: string
  readonly left: string
}

export const NO_SEARCH: Search = { who: '', port: '', proto: '', reason: '', left: '' }
export const connection = signal<Connection>('connecting')
/** Why the daemon does not answer, in its server's words. */
export const trouble = signal('')
export const lines = signal<readonly Line[]>([])
export const status = signal<DaemonStatus | undefined>(undefined)
export const report = signal<ReportAnswer | undefined>(undefined)
export const flies = signal<readonly Fly[] | undefined>(undefined)
export const next = signal<number | undefined>(undefined)
export const search = signal(NO_SEARCH)
export const searchProblem = signal('')
/** Lockouts that came while a search is shown. */
export const newer = signal(0)
export const events = signal<readonly FeedEvent[]>([])
export const isPaused = signal(false)
export const waiting = signal(0)
export const now = signal(Date.now())
/** What the reader of a screen hears. */
export const said = signal('')
export const isSearching = computed(() => Object.values(search.value).some(text => text !== ''))

const by = transport()
let pending: FeedEvent[] = []
let painting: ReturnType<typeof setTimeout> | undefined
let painted = 0
let lastSaid = 0
let unsaid = 0

export function say(text: string): void {
  said.value = text
}

/** The answer; undefined where it is none, which `problem` is told. */
export async function ask<T>(
  path: string,
  problem: (why: string) => void,
  body?: object,
): Promise<T | undefined> {
  try {
    const { status: code, value } = await by.ask(body === undefined ? 'GET' : 'POST', path, body)
    if (code === 200) return value as T
    if (code === NO_SESSION) connection.value = 'no-session'
    problem((value as { error?: string } | null)?.error ?? String(code))
  } catch (failure) {
    problem(failure instanceof Error ? failure.message : String(failure))
  }
  return undefined
}

function queryOf({ who, port, proto, reason }: Search, before: number | undefined): string {
  const given = { who: who.replaceAll(/[\s,]+/g, ','), port, proto, reason, before }
  const pairs = Object.entries(given).filter(([, value]) => value !== undefined && value !== '')
  const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')
  return text === '' ? '' : `?${text}`
}

function fits({ left }: Search, fly: Fly): boolean {
  const rest = endOf(fly) - Date.now()
  if (left === 'hour') return rest < 3_600_000
  if (left === 'day') return rest < DAY_MS
  if (left === 'longer') return rest >= DAY_MS
  return left !== 'forever' || rest === Number.POSITIVE_INFINITY
}

let asked = 0

/** Looks for flies anew, or goes on before those that are there. */
export async function look(goesOn = false): Promise<void> {
  const mine = ++asked
  const wanted = search.value
  const found: Fly[] = goesOn ? [...(flies.value ?? [])] : []
  const had = found.length
  let before = goesOn ? next.value : undefined
  let problem = ''
  for (let answers = 0; answers < ANSWERS_MAX && found.length < had + WANTED; answers++) {
    const answer = await ask<ListAnswer>(`/v1/list${queryOf(wanted, before)}`, why => {
      problem = why
    })
    if (mine !== asked) return
    if (answer === undefined) break
    found.push(...answer.flies.filter(fly => fits(wanted, fly)))
    before = answer.next
    if (before === undefined) break
  }
  batch(() => {
    searchProblem.value = problem
    if (problem !== '' && flies.value !== undefined && !isSearching.value) return
    flies.value = found
    next.value = before
    newer.value = 0
  })
}

async function lookAtHealth(): Promise<void> {
  const [health, told] = await Promise.all([
    ask<{ lines: Line[] }>('/v1/health', why => {
      trouble.value = why
    }),
    ask<DaemonStatus>('/v1/status', () => {}),
  ])
  const wasBlind = trouble.value !== '' && flies.value !== undefined
  batch(() => {
    if (health !== undefined) {
      lines.value = health.lines
      trouble.value = ''
    }
    if (told !== undefined) status.value = told
  })
  if (!wasBlind || health === undefined) return
  // Not every way to the daemon tells that an answer has broken off.
  beginFeed()
  await look()
}

async function lookAtReport(): Promise<void> {
  const since = Date.now() - 60 * DAY_MS
  report.value = (await ask<ReportAnswer>(`/v1/report?since=${since}`, () => {})) ?? report.value
}

async function lookAtAll(): Promise<void> {
  await Promise.all([look(), lookAtHealth()])
  await lookAtReport()
}

export function pause(isNow: boolean): void {
  isPaused.value = isNow
  if (!isNow) paintSoon()
}

function take(event: FeedEvent): void {
  if (pending.length >= WAITING_MAX) pending = [{ event: 'gap', at: event.at, text: T.gap }]
  pending.push(event)
  if (isPaused.value) waiting.value = pending.length
  else paintSoon()
}

function paintSoon(): void {
  painting ??= setTimeout(paint, Math.max(0, painted + CALM_MS - Date.now()))
}

function paint(): void {
  clearTimeout(painting)
  painting = undefined
  if (isPaused.value) return
  painted = Date.now()
  const came = pending
  pending = []
  batch(() => {
    waiting.value = 0
    const shown = came.map(event => (event.event === 'gap' ? { ...event, text: T.gap } : event))
    events.value = [...shown.reverse(), ...events.value].slice(0, EVENTS_MAX)
    applyToFlies(came)
  })
  tell(came)
  if (came.some(({ event }) => event === 'gap' || event === 'lost')) void lookAtAll()
  else if (came.some(({ event }) => event !== 'spared' && event !== 'prolong')) void lookAtHealth()
}

function applyToFlies(came: readonly FeedEvent[]): void {
  if (flies.value === undefined) return
  const rows = new Map(flies.value.map(fly => [fly.source, fly]))
  const fresh = new Map<string, Fly>()
  for (const event of came) {
    const source = String(event.source)
    if (event.event === 'free') for (const of of [rows, fresh]) of.delete(source)
    if (event.event === 'flush') for (const of of [rows, fresh]) of.clear()
    const known = rows.get(source)
    if (event.event === 'prolong' && known !== undefined)
      rows.set(source, { ...known, until: String(event.until) })
    if (event.event !== 'lockout') continue
    if (isSearching.value) newer.value += 1
    else {
      rows.delete(source)
      fresh.delete(source)
      fresh.set(source, event as unknown as Fly)
    }
  }
  flies.value = [...[...fresh.values()].reverse(), ...rows.values()].slice(0, ROWS_MAX)
}

/** Only how many there were: who hears the page is not talked to without an end. */
function tell(came: readonly FeedEvent[]): void {
  unsaid += came.filter(({ event }) => event === 'lockout').length
  if (unsaid === 0 || Date.now() - lastSaid < SAID_MS) return
  say(T.newLockouts(unsaid))
  unsaid = 0
  lastSaid = Date.now()
}

function isThere(there: boolean, code = 0): void {
  if (code === NO_SESSION) connection.value = 'no-session'
  if (connection.value === 'no-session') return
  if (!there) {
    if (connection.value === 'live') say(T.lost)
    connection.value = 'lost'
    void lookAtHealth()
    return
  }
  if (connection.value === 'lost') say(T.back)
  const isFirst = flies.value === undefined
  connection.value = 'live'
  if (isFirst) void lookAtAll()
  else void lookAtHealth()
}

const feed = { after: 'now', wasThere: false, tries: 0 }
let following = new AbortController()

function beginFeed(): void {
  following.abort()
  following = new AbortController()
  void follow(by, { take, isThere }, feed, following.signal)
}

/** Begins all that keeps the page true. */
export function begin(): void {
  beginFeed()
  const every = (ms: number, act: () => unknown) =>
    setInterval(() => {
      if (!document.hidden && connection.value !== 'no-session') act()
    }, ms)
  every(HEALTH_MS, lookAtHealth)
  every(REPORT_MS, lookAtReport)
  every(NOW_MS, () => {
    now.value = Date.now()
  })
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || connection.value === 'no-session') return
    now.value = Date.now()
    void lookAtHealth()
  })
}
