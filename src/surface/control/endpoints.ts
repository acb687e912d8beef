/** Every request that the sockets take, and which socket takes it: server, client, OpenAPI and docs/control.md are made from these tables. */
import type * as z from 'zod'
import * as past from './past-protocol.ts'
import * as protocol from './protocol.ts'

/**
 * When a request is seen to. `order`: one after the other, since it changes sets and history. `question`: one in a turn of the event
 * loop, since the kernel is asked or much is put together. `reading`: one after the other of each socket, since the history is read.
 * `now`: what costs next to nothing, or must not wait.
 */
export type Turn = 'order' | 'question' | 'reading' | 'now'

export interface Endpoint {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly what: string
  readonly turn: Turn
  readonly request?: z.ZodType
  /** What may stand behind the `?` of a GET. */
  readonly query?: z.ZodObject
  /** Answers with JSON of this shape, or with a text that goes on as told. */
  readonly answer: z.ZodType | { readonly type: string; readonly line?: z.ZodType }
  /** A body that works on any machine, or a query. */
  readonly example?: object
}

export const ENDPOINTS = {
  status: {
    method: 'GET',
    path: '/v1/status',
    what: 'Which daemon this is, and what it has counted since it started.',
    turn: 'question',
    answer: protocol.StatusAnswer,
  },
  health: {
    method: 'GET',
    path: '/v1/health',
    what: 'The six lines of status: whether the trap is armed and well.',
    turn: 'question',
    answer: protocol.HealthAnswer,
  },
  list: {
    method: 'GET',
    path: '/v1/list',
    what: 'Flies, or lockouts of before, newest first, a page an answer.',
    turn: 'reading',
    query: past.ListQuery,
    answer: past.ListAnswer,
    example: { past: 'true', port: '22', ended: 'over' },
  },
  why: {
    method: 'GET',
    path: '/v1/why',
    what: 'All that is known of a source: its lockouts, and why it was let go.',
    turn: 'reading',
    query: past.WhyQuery,
    answer: past.WhyAnswer,
    example: { who: '203.0.113.7' },
  },
  report: {
    method: 'GET',
    path: '/v1/report',
    what: 'Sums over the lockouts since some moment.',
    turn: 'reading',
    query: past.ReportQuery,
    answer: past.ReportAnswer,
    example: { since: '1790000000000' },
  },
  lock: {
    method: 'POST',
    path: '/v1/lock',
    what: 'Locks addresses and prefixes out by hand, and says whom it refuses.',
    turn: 'order',
    request: protocol.LockRequest,
    answer: protocol.LockAnswer,
    example: { lockouts: [{ who: '203.0.113.7', seconds: 3600 }], because: 'it is enough', by: 'anna' },
  },
  free: {
    method: 'POST',
    path: '/v1/free',
    what: 'Frees flies by address and prefix, port, protocol, time.',
    turn: 'order',
    request: protocol.FreeRequest,
    answer: protocol.FreeAnswer,
    example: { who: ['203.0.113.7', '2001:db8:1:2::/64'], by: 'anna' },
  },
  flush: {
    method: 'POST',
    path: '/v1/flush',
    what: 'Frees all flies; the history stays.',
    turn: 'order',
    request: protocol.ByRequest,
    answer: protocol.FlushAnswer,
    example: { by: 'anna' },
  },
  pause: {
    method: 'POST',
    path: '/v1/pause',
    what: 'For so long nobody new is held or locked out; the flies stay. It ends by itself, or with 0.',
    turn: 'order',
    request: protocol.PauseRequest,
    answer: protocol.Nothing,
    example: { seconds: 600, by: 'anna' },
  },
  reload: {
    method: 'POST',
    path: '/v1/reload',
    what: 'Takes the settings of now without a gap, or refuses them whole and says why.',
    turn: 'order',
    request: protocol.ByRequest,
    answer: protocol.Nothing,
    example: { by: 'anna' },
  },
  confirm: {
    method: 'POST',
    path: '/v1/confirm',
    what: 'Keeps a trap that was armed to be tried.',
    turn: 'now',
    request: protocol.ByRequest,
    answer: protocol.Nothing,
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    what: 'One line of JSON an event, until either side goes. Whoever reads too slowly loses lines, and a line with the event "lost" says how many. With `after` it is read from the history, and nothing is lost that is still there.',
    turn: 'now',
    query: protocol.EventsQuery,
    answer: { type: 'application/jsonl', line: protocol.EventLine },
    example: { after: 'start' },
  },
  metrics: {
    method: 'GET',
    path: '/v1/metrics',
    what: 'The counters as Prometheus reads them.',
    turn: 'now',
    answer: { type: 'text/plain; version=0.0.4' },
  },
  openapi: {
    method: 'GET',
    path: '/v1/openapi.json',
    what: 'This description.',
    turn: 'question',
    answer: { type: 'application/json' },
  },
  leave: {
    method: 'POST',
    path: '/v1/leave',
    what: 'Ends the daemon and leaves the trap armed, for another daemon to go on.',
    turn: 'now',
    request: protocol.ByRequest,
    answer: protocol.Nothing,
  },
  stop: {
    method: 'POST',
    path: '/v1/stop',
    what: 'Disarms the trap and ends the daemon.',
    turn: 'now',
    request: protocol.ByRequest,
    answer: protocol.Nothing,
    example: { by: 'anna' },
  },
} as const satisfies Record<string, Endpoint>

export type EndpointName = keyof typeof ENDPOINTS

/** Whoever may open a socket may ask for what its role has, and for nothing else. */
export interface Role {
  /** The name of its socket, in the directory of the control socket. */
  readonly socket: string
  /** Who may open it besides root, the daemon's user and his group: the members of this group, where there is one. */
  readonly group?: string
  readonly what: string
  readonly may: readonly EndpointName[]
  /** Locks out prefixes of any width, where `force` says so. */
  readonly mayForce?: boolean
}

const READING = [
  'status',
  'health',
  'list',
  'why',
  'report',
  'events',
  'metrics',
  'openapi',
] as const satisfies EndpointName[]

/** From the one that may do most to the one that may do least: the command line takes the first that it may open. */
export const ROLES = {
  control: {
    socket: 'control.sock',
    what: 'Everything: whoever may open it has power over the firewall.',
    may: Object.keys(ENDPOINTS) as EndpointName[],
    mayForce: true,
  },
  operate: {
    socket: 'operate.sock',
    group: 'flypaperd-operate',
    what: 'Locks out and frees, and reads. Takes no `force`, ends no daemon, disarms nothing, and takes no settings.',
    may: [...READING, 'lock', 'free'],
  },
  watch: {
    socket: 'watch.sock',
    group: 'flypaperd-watch',
    what: 'Reads, and changes nothing.',
    may: READING,
  },
} as const satisfies Record<string, Role>

export type RoleName = keyof typeof ROLES

/** The roles that may ask for this, the one that may do most first. */
export function rolesWith(endpoint: EndpointName): readonly Role[] {
  return Object.values<Role>(ROLES).filter(({ may }) => may.includes(endpoint))
}

/** A question as it stands behind the `?`: lists with commas, what is undefined left out. Empty for no question at all. */
export function queryText(query: object): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined)
  return pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')
}
