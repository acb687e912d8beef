/** What a daemon answers whose trap is armed and well. */
import type { DaemonStatus } from '../../src/surface/control/protocol.ts'

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
