/** What Prometheus is told of a running daemon. No address is ever a label: their number has no bound. */

import type { Counts } from '../../counters/tally.ts'
import type { Standing } from '../../history/tolerant.ts'
import type { KeeperCounts } from '../../keep/keeper.ts'
import type { Settings } from '../../settings/settings.ts'
import type { DaemonStatus } from '../control/status-protocol.ts'
import type { StatusLine } from '../status-lines.ts'
import type { Fill } from './fill.ts'
import { armedMetric } from './state.ts'
import type { Metric } from './text.ts'

export interface Seen {
  readonly status: Pick<
    DaemonStatus,
    'version' | 'since' | 'capture' | 'closed' | 'dryRun' | 'pausedUntil' | 'tryUntil'
  >
  /** Those of `status`. */
  readonly lines: readonly StatusLine[]
  readonly counts: Counts & KeeperCounts
  /** Elements of each set. */
  readonly fill: Fill
  readonly sizes: Settings['sizes']
  readonly historyBytes: number
  readonly history: Standing
  readonly logLost: number
  readonly neverFilesHang: boolean
}

export function metricsOf(seen: Seen): readonly Metric[] {
  return [...trapMetrics(seen), ...fliesMetrics(seen), ...workMetrics(seen)]
}

/** Whether it does what it is there for. */
function trapMetrics({ status: { dryRun, pausedUntil, tryUntil }, lines }: Seen): readonly Metric[] {
  const is = (name: string, help: string, so: boolean) =>
    gauge(name, `${help}: 1, else 0.`, [[{}, Number(so)]])
  return [
    armedMetric(lines),
    is('paused', 'Whether the trap is paused, so that nobody new is locked out', pausedUntil !== undefined),
    is(
      'trial',
      'Whether the trap is only tried, and goes unless somebody confirms it',
      tryUntil !== undefined,
    ),
    is('dry_run', 'Whether the daemon only says what it would do', dryRun),
  ]
}

/** Which daemon it is, whom it locked out or spared, and how full the sets are. */
function fliesMetrics({ status, counts, fill, sizes }: Seen): readonly Metric[] {
  const { version, since, capture, closed } = status
  const families = { ipv4: fill.flypaper + fill.flypaper_nets, ipv6: fill.flypaper6 + fill.flypaper_nets6 }
  return [
    gauge('info', 'Which daemon this is.', [[{ version, capture, closed }, 1]]),
    gauge('start_time_seconds', 'When the daemon started, in seconds since 1970.', [[{}, since / 1000]]),
    counter(
      'lockouts_total',
      'Lockouts, by what was tried and why.',
      counts.lockoutsBy.map(({ proto, because, grade, count }) => [{ proto, reason: because, grade }, count]),
    ),
    counter(
      'spared_packets_total',
      'Offending packets whose source was let go, by reason.',
      Object.entries(counts.spared).map(([reason, count]) => [{ reason }, count]),
    ),
    gauge(
      'flies',
      'Who is locked out now.',
      Object.entries(families).map(([family, flies]) => [{ family }, flies]),
    ),
    gauge(
      'set_elements',
      'Elements of each set.',
      Object.entries(fill).map(([set, elements]) => [{ set }, elements]),
    ),
    gauge('set_size', 'How many elements the set can take.', [
      [{ set: 'flypaper' }, sizes.flypaper],
      [{ set: 'flypaper6' }, sizes.flypaper],
      [{ set: 'flypaper_hold' }, sizes.hold],
      [{ set: 'flypaper_hold6' }, sizes.hold],
      [{ set: 'flypaper_peers' }, sizes.peers],
      [{ set: 'flypaper_peers6' }, sizes.peers],
      [{ set: 'flypaper_known' }, sizes.known],
      [{ set: 'flypaper_known6' }, sizes.known],
    ]),
  ]
}

/** What was held only, what was mended, and how the packets came. */
function workMetrics({ counts, historyBytes, history, logLost, neverFilesHang }: Seen): readonly Metric[] {
  const { packets, lost, overruns, waiting } = counts.capture
  return [
    counter('offences_of_flies_total', 'Offences of sources that were locked out already.', [
      [{}, counts.again],
    ]),
    counter(
      'held_only_total',
      'Offenders that were held and not locked out: the promotion limit, or a full set.',
      [
        [{ why: 'limit' }, counts.deferred],
        [{ why: 'full' }, counts.overflow],
      ],
    ),
    counter(
      'testimonies_total',
      'Testimonies of other hosts and tools: locked, kept (a fly already), or why they were refused.',
      Object.entries(counts.testimonies).map(([result, count]) => [{ result }, count]),
    ),
    counter('testimonies_withdrawn_total', 'Testimonies that their author has taken back in time.', [
      [{}, counts.withdrawn],
    ]),
    counter(
      'kernel_spared_packets_total',
      'Packets that the kernel by itself found to be no offence, since its rules were loaded.',
      Object.entries(counts.kernel).map(([reason, count]) => [{ reason }, count]),
    ),
    counter('rearmed_total', 'Times that the trap was armed again, because somebody had taken it away.', [
      [{}, counts.rearmed],
    ]),
    counter('mended_total', 'Elements of the sets that were not as they should be.', [[{}, counts.mended]]),
    counter('packets_total', 'Packets that were judged.', [[{}, packets]]),
    counter(
      'packets_lost_total',
      'Packets that the kernel could not hand over: their senders are held all the same.',
      [[{}, lost]],
    ),
    counter('receive_overruns_total', 'Times that the receive buffer overflowed (ENOBUFS).', [
      [{}, overruns],
    ]),
    gauge('queue_packets', 'Packets that wait to be judged.', [[{}, waiting]]),
    histogram('batch_packets', 'Packets that were judged at once.', counts.batchPackets),
    histogram('batch_seconds', 'Seconds until the lockouts of a batch were done.', counts.batchSeconds),
    counter('log_lines_lost_total', 'Lines of the log that nobody took in time.', [[{}, logLost]]),
    gauge('history_bytes', 'Size of the history database.', [[{}, historyBytes]]),
    gauge('history_hanging', 'Whether the disk of the history does not answer: 1, else 0.', [
      [{}, history.hangsSince === undefined ? 0 : 1],
    ]),
    gauge('never_files_hanging', 'Whether the files of never_files do not answer: 1, else 0.', [
      [{}, neverFilesHang ? 1 : 0],
    ]),
    gauge('history_waiting', 'Lockouts and releases that wait in memory for the disk.', [
      [{}, history.waiting],
    ]),
    counter('history_lost_total', 'Lockouts and releases that are missing in the history for good.', [
      [{}, history.lost],
    ]),
  ]
}

function counter(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, help, type: 'counter', samples }
}

function gauge(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, help, type: 'gauge', samples }
}

function histogram(name: string, help: string, value: Counts['batchPackets']): Metric {
  return { name, help, type: 'histogram', samples: [[{}, value]] }
}
