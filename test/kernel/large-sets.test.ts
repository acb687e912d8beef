/**
 * 200,000 prefixes in somebody else's set cost nothing. What was fetched is told by memory: libnftables takes a kilobyte and more for each
 * element. So the most that a process has ever had (VmHWM of proc_pid_status(5)) tells, whatever the machine has to do meanwhile.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const PREFIXES = 200_000
/** The daemon of a checkout has about 180 MB when it is alone: each of its two threads strips types. The package has 100. */
const MOST = 240
const NFTABLES = new URL('../../packages/nftables-json/src/index.ts', import.meta.url).href
/** One element, into a set that has nothing to do with the large one. */
const CONTROL = `
import { readFileSync } from 'node:fs'
const { openNftables } = await import(${JSON.stringify(NFTABLES)})
using nft = openNftables()
nft.load('table inet control { set x { type ipv4_addr; }\\n }')
nft.run([{ add: { element: { family: 'inet', table: 'control', name: 'x', elem: ['192.0.2.1'] } } }])
nft.load('delete table inet control')
console.log(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])`

function prefixes(table: string): string {
  const text = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.')
  const all = Array.from({ length: PREFIXES }, (_, i) => `${text(0x0100_0000 + i * 16)}/29`)
  return `table inet ${table} {
    set countries { type ipv4_addr; flags interval; elements = { ${all.join(',')} } ; }
    chain input { type filter hook input priority 5; ip saddr @countries drop
    }
  }`
}

/** In MB. */
function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

/** nft reads what is in the large sets of a table before it changes anything there. */
const load = (host: Host, rules: string) => host.must(['nft', '-f', '-'], { input: rules, timeout: 90_000 })
const list = (host: Host, set: string) => host.must(['nft', 'list', 'set', 'inet', 'filter', set])

test('the daemon fetches none of 200,000 prefixes beside it: armed, looking, locking, reloading, seeing them come, going', async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  await world.link(gate, sender, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9') // answers to forged sources come back here
  await load(gate, prefixes('geo'))
  const control = await gate.must([process.execPath, '-e', CONTROL])
  t.diagnostic(`the control: ${control.trim()} kB`)
  assert.ok(Number(control) / 1024 > MOST + 30, `the control: ${control} kB`)

  const never = '["203.0.113.0/25", "203.0.113.128/26", "255.255.255.0/24", "2001:db8:ffff::/48"]'
  using flypaperd = install(gate, `never = ${never}`)
  const daemon = await flypaperd.start()
  await gate.must(['ip', 'address', 'add', '192.0.2.77/32', 'dev', 'lo'])
  await eventually('the new address is ours', async () =>
    (await list(gate, 'flypaper_own')).includes('192.0.2.77'),
  )
  await flypaperd.must('lock', '198.51.100.0/24', '198.51.101.0/24', '2001:db8:1::/48')
  assert.match(
    await list(gate, 'flypaper_nets'),
    /198\.51\.100\.0\/24 timeout.* 198\.51\.101\.0\/24 timeout/s,
  )
  assert.match(await list(gate, 'flypaper_nets6'), /2001:db8:1::\/48 timeout/)
  await flypaperd.must('free', '198.51.100.0/24')
  assert.doesNotMatch(await list(gate, 'flypaper_nets'), /198\.51\.100\./)
  assert.match(await list(gate, 'flypaper_nets'), /198\.51\.101\.0\/24/)
  flypaperd.settings('never = ["203.0.113.7"]')
  assert.match(
    await list(gate, 'flypaper_never'),
    /203\.0\.113\.0\/25.*203\.0\.113\.128\/26.*255\.255\.255\.0/s,
  )
  await flypaperd.must('reload')
  assert.match(await list(gate, 'flypaper_never'), /elements = \{ 203\.0\.113\.7 \}/)
  assert.equal((await flypaperd.run('status')).code, 0)
  await send(sender, { bursts: [[{ source: '198.51.100.1', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 198\.51\.100\.1/)

  // In the table that is the trap's, too, the kernel announces each of them: nothing of that is ours, nor too much.
  await load(gate, prefixes('filter'))
  await load(gate, 'delete element inet filter flypaper { 198.51.100.1 }')
  await daemon.says(/free 198\.51\.100\.1/)
  assert.doesNotMatch(daemon.output(), /armed again|lost/)

  const pid = (JSON.parse((await flypaperd.run('status', '--json')).stdout) as { daemon: { pid: number } })
    .daemon.pid
  const peak = peakOf(pid)
  t.diagnostic(`${peak} MB`)
  assert.ok(peak < MOST, `the daemon has had ${peak} MB`)
  await flypaperd.must('stop')
  assert.doesNotMatch(daemon.output(), /cannot|failed|error/i)
})
