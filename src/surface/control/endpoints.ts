/** Every request that the sockets take: with roles.ts, server, client, OpenAPI and docs/control.md are made from this table. */
import type * as z from 'zod'
import * as never from './never-protocol.ts'
import * as past from './past-protocol.ts'
import * as protocol from './protocol.ts'
import { HealthAnswer, StatusAnswer } from './status-protocol.ts'
import * as testimony from './testimony-protocol.ts'

/**
 * When a request is seen to. `order`: one after the other, since it changes sets and history. `question`: one in a turn of the event
 * loop, since the kernel is asked or much is put together. `reading`: one after the other of each socket, since the history is read.
 * `apart`: the same, beside orders and readings: it changes sets and history in pieces, and takes its time.
 * `now`: what costs next to nothing, or must not wait.
 */
export type Turn = 'order' | 'question' | 'reading' | 'apart' | 'now'

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
    answer: StatusAnswer,
  },
  health: {
    method: 'GET',
    path: '/v1/health',
    what: 'The six lines of status: whether the trap is armed and well.',
    turn: 'question',
    answer: HealthAnswer,
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
  never: {
    method: 'GET',
    path: '/v1/never',
    what: 'Who is never locked out: by hand, by the settings, and how many by their files.',
    turn: 'question',
    answer: never.NeverAnswer,
  },
  neverAdd: {
    method: 'POST',
    path: '/v1/never/add',
    what: 'Puts addresses and prefixes onto the never-list, and frees them at once.',
    turn: 'order',
    request: never.NeverAddRequest,
    answer: never.NeverAddAnswer,
    example: { who: ['203.0.113.80'], seconds: 86_400, because: 'their new monitor', by: 'anna' },
  },
  neverRemove: {
    method: 'POST',
    path: '/v1/never/remove',
    what: 'Takes addresses and prefixes from the never-list that were put there by hand.',
    turn: 'order',
    request: never.NeverRemoveRequest,
    answer: never.NeverRemoveAnswer,
    example: { who: ['203.0.113.80'], by: 'anna' },
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
  testify: {
    method: 'POST',
    path: '/v1/testify',
    what: 'Says of hosts that they shall be locked out, on the word of another host or tool. It is no order: whoever one forged packet would not lock out here is refused.',
    turn: 'apart',
    request: testimony.TestifyRequest,
    answer: testimony.TestifyAnswer,
    example: {
      testimony: [{ who: '203.0.113.7', seconds: 600, because: 'sshd' }],
      author: 'fail2ban on web2',
    },
  },
  withdraw: {
    method: 'POST',
    path: '/v1/withdraw',
    what: 'Takes testimony back: frees those whom this author has brought by this socket, and nobody else.',
    turn: 'apart',
    request: testimony.WithdrawRequest,
    answer: testimony.WithdrawAnswer,
    example: { who: ['203.0.113.7'], author: 'fail2ban on web2' },
  },
  forget: {
    method: 'POST',
    path: '/v1/forget',
    what: 'Removes what is remembered of addresses and prefixes: history, ring, what counts against them; and frees them.',
    turn: 'apart',
    request: testimony.ForgetRequest,
    answer: testimony.ForgetAnswer,
    example: { who: ['203.0.113.7'], by: 'anna' },
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
  names: {
    method: 'POST',
    path: '/v1/names',
    what: 'Puts at most 16 hosts in place of those that are known by a name of the settings, for so many seconds; says whom it refuses.',
    turn: 'order',
    request: protocol.NamesRequest,
    answer: protocol.NamesAnswer,
    example: { name: 'home.example.net', hosts: ['203.0.113.9', '2001:db8:7::9'], ttl: 86_400 },
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

/** A question as it stands behind the `?`: lists with commas, what is undefined left out. Empty for no question at all. */
export function queryText(query: object): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined)
  return pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')
}
