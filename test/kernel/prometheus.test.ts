/** Prometheus scrapes the daemon through the bridges that docs/metrics.md describes. */
import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install } from '../support/daemon.ts'
import { PATIENCE } from '../support/process.ts'
import { prometheusProgram } from '../support/prometheus.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const document = readFileSync('docs/metrics.md', 'utf8')
const service = readFileSync('docs/prometheus/flypaperd-metrics.service', 'utf8')
const socket = readFileSync('docs/prometheus/flypaperd-metrics.socket', 'utf8')

const BRIDGES: Record<string, string> = {
  socat: /^sudo (socat .*)$/m.exec(document)![1]!,
  'the units of systemd': `systemd-socket-activate -l ${/^ListenStream=(.*)$/m.exec(socket)![1]} ${/^ExecStart=(.*)$/m.exec(service)![1]}`,
}

for (const [name, bridge] of Object.entries(BRIDGES)) {
  test(`through ${name}`, async () => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    const scanner = await world.host('scanner')
    await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
    using flypaperd = install(gate)
    const daemon = await flypaperd.start()
    await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
    await daemon.says(/lockout 192\.0\.2\.9/)

    const here = (command: string) => command.replaceAll('/run/flypaperd', flypaperd.directory)
    await gate.start(['sh', '-c', `exec ${here(bridge)}`])
    const folder = join(flypaperd.directory, 'prometheus')
    cpSync('docs/prometheus', folder, { recursive: true })
    await gate.start([
      prometheusProgram('prometheus'),
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:9090',
    ])
    assert.deepEqual(await answers(gate, 'sum(flypaperd_flies)'), ['1'])
    assert.deepEqual(await answers(gate, 'flypaperd_lockouts_total'), ['1'])
    assert.deepEqual(await answers(gate, 'flypaperd_set_elements{set="flypaper_hold"}'), ['1'])
    assert.deepEqual(await answers(gate, 'up{job="flypaperd"}'), ['1'])
  })
}

/** The values of the expression, once there are any. */
async function answers(host: Host, query: string): Promise<string[]> {
  const deadline = Date.now() + 60_000 * PATIENCE
  const url = `http://127.0.0.1:9090/api/v1/query?query=${encodeURIComponent(query)}`
  for (;;) {
    const { stdout } = await host.run(['curl', '-s', url])
    const found = stdout.startsWith('{') ? (JSON.parse(stdout).data?.result ?? []) : []
    if (found.length > 0 || Date.now() > deadline)
      return found.map(({ value }: { value: [number, string] }) => value[1])
    await sleep(500)
  }
}
