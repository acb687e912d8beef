/** What a daemon answers whose trap is armed and well. */
import type { DaemonStatus } from '../../src/surface/control/protocol.ts'

export const STATUS: DaemonStatus = {
  pid: 4711,
  version: '0.1.0',
  since: 0,
  capture: 'log',
  closed: 'listening',
  dryRun: false,
  counts: {
    lockouts: 1,
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
