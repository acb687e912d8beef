/** What a daemon answers whose trap is armed and well. */
import type { NeverControl } from '../../src/surface/control/never-protocol.ts'
import type { Past } from '../../src/surface/control/past.ts'
import type { Feed, Served } from '../../src/surface/control/protocol.ts'
import type { DaemonStatus } from '../../src/surface/control/status-protocol.ts'

/** What a daemon counts to which nothing has happened. */
export const NOTHING = {
  lockouts: 0,
  byHand: 0,
  again: 0,
  overflow: 0,
  deferred: 0,
  packets: 0,
  overruns: 0,
  lost: 0,
}

export const STATUS: DaemonStatus = {
  pid: 4711,
  version: '0.1.0',
  since: 0,
  capture: 'log',
  closed: 'listening',
  dryRun: false,
  counts: {
    lockouts: 1,
    byHand: 0,
    again: 0,
    overflow: 0,
    spared: { near: 2 },
    deferred: 0,
    kernel: {},
    packets: 3,
    overruns: 0,
    lost: 0,
    logLost: 0,
  },
}

/** Of a daemon that remembers nothing. */
export const FORGOTTEN = {
  freed: 0,
  lockouts: 0,
  senders: 0,
  sightings: 0,
  samples: 0,
  packets: 0,
  scoured: true,
}

/** Of a daemon on whose never-list nobody is: whom it is told to add or remove it has added or removed. */
export const NO_NEVER: NeverControl = {
  never: async () => ({ byHand: [], settings: [], settingsCount: 0, files: [] }),
  neverAdd: async ({ who }) => ({
    added: who,
    ...{ changed: [], refused: [], flies: [], held: [], around: [] },
  }),
  neverRemove: async ({ who }) => ({ removed: who, missing: [], stays: [] }),
}

/** Of a daemon whose history is empty. */
export const NO_PAST: Past & { readonly feed: Feed } = {
  feed: { page: async () => ({ lines: [], next: `${'0'.repeat(16)}-0-0-0`, isEnd: true }), onNews() {} },
  list: async () => ({ flies: [] }),
  why: async ({ who }) => ({
    who,
    threshold: 6,
    reachable: { public: [], doors: [] },
    lockouts: [],
    around: [],
    sightings: [],
  }),
  report: async ({ since = 0 }) => ({
    since: new Date(since).toISOString(),
    until: new Date(since).toISOString(),
    ...{ days: [], lockouts: 0, attackers: 0, attackers6: 0, ports: [], networks: [], repeaters: [] },
    ...{ reasons: [], spared: [], alsoTried: [] },
  }),
}

/** What no page asks for. */
export const NOT_FOR_PAGE: Pick<Served, 'testify' | 'withdraw' | 'forget' | 'names'> = {
  testify: async () => ({ locked: [], kept: [], refused: [] }),
  withdraw: async () => ({ withdrawn: [], others: [] }),
  forget: async () => FORGOTTEN,
  names: async () => ({ known: [], refused: [] }),
}
