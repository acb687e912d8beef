/** docs/metrics.md and docs/prometheus/ are what promtool takes, and tell of every metric that there is. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openTally } from '../../src/counters/tally.ts'
import { metricsOf } from '../../src/surface/metrics/metrics.ts'
import { stateMetrics } from '../../src/surface/metrics/state.ts'
import { metricsText } from '../../src/surface/metrics/text.ts'
import { prometheusProgram } from '../support/prometheus.ts'

function promtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(prometheusProgram('promtool'), args, {
    input,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
  return stdout + stderr
}

const tally = openTally()
tally.batch(3, 0.002)
tally.lockedOut({ tried: { kind: 'udp', port: 53, from: 1 }, because: 'closed-port' } as never)
const counted = {
  deferred: 4,
  kernel: { late: 5 } as never,
  capture: { packets: 3, waiting: 0, overruns: 0, lost: 1 },
}
const sets = ['flypaper', 'flypaper6', 'flypaper_nets', 'flypaper_nets6', 'flypaper_hold', 'flypaper_peers']
const metrics = metricsOf({
  status: { version: '0.1.0 "\\\n', since: 1, capture: 'log', closed: 'listening', dryRun: false },
  lines: [{ label: 'integration into input', ok: true }],
  counts: { ...tally.counts(counted), rearmed: 1, mended: 2 },
  fill: Object.fromEntries(sets.map(set => [set, 1])) as never,
  sizes: { flypaper: 10, hold: 10, peers: 10, known: 10 },
  historyBytes: 4096,
  history: { hangsSince: 1, waiting: 7, lost: 8 },
  logLost: 6,
  neverFilesHang: true,
})
const document = readFileSync('docs/metrics.md', 'utf8')

test('the text is what promtool takes', () => {
  const state = stateMetrics(true, [{ label: 'kernel support', ok: true }])
  assert.equal(promtool(['check', 'metrics'], metricsText([...state, ...metrics])), '')
  assert.throws(() => promtool(['check', 'metrics'], metricsText(metrics).replace('# TYPE', 'TYPE')))
})

test('configuration, alerts and their tests', () => {
  promtool(['check', 'config', 'docs/prometheus/prometheus.yml'])
  assert.match(promtool(['check', 'rules', 'docs/prometheus/alerts.yml']), /SUCCESS: 14 rules found/)
  promtool(['test', 'rules', 'docs/prometheus/alerts.test.yml'])
})

test('every metric is in the document, and the document tells of no other; alerts and dashboard neither', () => {
  const known = [...metrics, ...stateMetrics(true, [{ label: 'process', ok: true }])].map(
    ({ name }) => `flypaperd_${name}`,
  )
  const alerts = readFileSync('docs/prometheus/alerts.yml', 'utf8')
  for (const name of known) assert.ok(document.includes(`\`${name}\``), name)
  for (const [name] of `${document}${alerts}`.matchAll(/\bflypaperd_[a-z0-9_]+/g))
    assert.ok(known.includes(name.replace(/_(bucket|sum|count)$/, '')), name)
})

test('the bridge, which every local user reaches, is not in the group that may open the control socket', () => {
  const unit = readFileSync('docs/prometheus/flypaperd-metrics.service', 'utf8')
  assert.match(unit, /^DynamicUser=yes$/m)
  assert.doesNotMatch(unit, /^(User|Group|SupplementaryGroups)=/m)
})

test('the expressions of the dashboard are expressions', () => {
  const expressions = [...document.matchAll(/^\| .* \| (`.*`) \|$/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, expression]) => expression!),
  )
  assert.ok(expressions.length >= 10)
  const rules = expressions.map((expr, i) => ({ record: `panel_${i}`, expr }))
  const groups = { groups: [{ name: 'dashboard', rules }] } // JSON is YAML.
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-metrics-'))
  try {
    writeFileSync(join(directory, 'rules.yml'), JSON.stringify(groups))
    promtool(['check', 'rules', join(directory, 'rules.yml')])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the units of the text file are what systemd takes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-units-'))
  try {
    for (const unit of ['flypaperd-textfile.service', 'flypaperd-textfile.timer']) {
      const text = readFileSync(`docs/prometheus/${unit}`, 'utf8')
      // The program need not be installed where this test runs.
      writeFileSync(join(directory, unit), text.replaceAll('/usr/bin/flypaperd', '/bin/true'))
    }
    assert.equal(verify(join(directory, 'flypaperd-textfile.timer')), '')
    writeFileSync(join(directory, 'flypaperd-textfile.timer'), '[Timer]\nOnCalendar=sometimes\n')
    assert.match(verify(join(directory, 'flypaperd-textfile.timer')), /calendar specification/) // The control.
  } finally {
    rmSync(directory, { recursive: true })
  }
})

/** What systemd says of the unit, and of the service beside it. */
function verify(unit: string): string {
  const beside = unit.replace('.timer', '.service')
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit, beside], {
    encoding: 'utf8',
  })
  return stdout + stderr
}
