/**
 * Tables to which somebody has given a flag. Beside them everything works, although libnftables 1.0.6 reads freed memory when it lists
 * them: MALLOC_PERTURB_ (mallopt(3)) makes sure that nothing sensible is in it. And into one of them no trap is put.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const env = { MALLOC_PERTURB_: '165' }
const SLEEPING = `
table ip quiet {
  flags dormant
  chain input { type filter hook input priority 5; policy drop; }
}
table arp quiet { flags dormant
}
`
const PLAIN = `
table inet plain {
  set friends { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 } ; }
  chain input { type filter hook input priority 3; ip saddr @friends tcp dport { 22, 80-90 } accept
  }
}
`
/** Kept by a program, for as long as it lives. */
const KEPT = `add table inet kept { flags owner; }
add chain inet kept input { type filter hook input priority 4; policy drop; }
add rule inet kept input tcp dport { 2222 } accept
add rule inet kept input tcp dport vmap { 9001 : accept, 9002 : drop }
list tables
`
const HIS = `
table inet filter {
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 22 accept
  }
}
`
const SLEEP = 'table inet filter { flags dormant; }'

async function gateAndSender() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  await world.link(gate, sender, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  return { world, gate, sender }
}

const listing = (host: Host) => host.must(['nft', '-s', 'list', 'ruleset'])
/** What libnftables makes of one table that sleeps, in a network namespace of its own. */
const listedAlone = `nft add table ip other '{ flags dormant; }' && nft -j list ruleset`

/** Libraries from 1.0.7 on list such tables. */
async function isMended(host: Host): Promise<boolean> {
  const [, minor, patch] = /v1\.(\d+)\.(\d+)/.exec(await host.must(['nft', '--version'])) ?? []
  return Number(minor) > 0 || Number(patch) > 6
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

for (const [which, tables] of [
  ['that sleep', SLEEPING],
  ['that sleep, or are kept by a program, and others of the same family', `${SLEEPING}${PLAIN}`],
] as const) {
  test(`beside tables ${which}, everything works`, async () => {
    const { world, gate } = await gateAndSender()
    await using _ = world
    await serve(gate, 'tcp:2222')
    await gate.nft(tables)
    const keeper = await gate.start(['nft', '-i'])
    const isKept = tables.includes('plain')
    if (isKept) {
      keeper.write(KEPT)
      await keeper.says(/table inet kept/)
    }
    const alone = await gate.run(['unshare', '--net', 'sh', '-c', listedAlone], { env })
    assert.equal(isJson(alone.stdout), await isMended(gate), `the control: ${alone.stdout}`)
    const before = await listing(gate)
    using flypaperd = install(gate, '', { env })

    const { code, stdout } = await flypaperd.run('doctor', '--json')
    const { path, findings, closed } = JSON.parse(stdout)
    const chains = path.map((station: { table: string; chain: string }) => station.table)
    assert.deepEqual([code, chains.includes('quiet')], [0, false], 'who sleeps judges nothing')
    assert.match(JSON.stringify(findings), /ip quiet, arp quiet sleep|arp quiet, ip quiet sleep/)
    assert.deepEqual([chains.includes('plain'), chains.includes('kept')], [isKept, isKept])
    assert.equal(closed.recommended, isKept ? 'unaccepted' : 'listening', 'rules of a kept table are read')

    const daemon = await flypaperd.start()
    assert.match(
      daemon.output() + (await daemon.says(/closed = "auto"/)).input,
      isKept ? /takes "unaccepted", since table inet kept refuses/ : /takes "listening"/,
    )
    assert.equal((await flypaperd.run('status')).code, 0)
    await gate.must(['ip', 'address', 'add', '192.0.2.77/32', 'dev', 'lo'])
    for (let tries = 0; tries < 500 && !(await own(gate)).includes('192.0.2.77'); tries++);
    assert.match(await own(gate), /192\.0\.2\.77/, 'it looks at this machine again')
    await flypaperd.must('reload')
    assert.equal((await flypaperd.run('restart', '--dry-run')).code, 64, 'the control: a mistake is one')
    assert.equal((await flypaperd.run('list')).code, 0)
    assert.equal((await flypaperd.run('generate')).code, 0)
    await flypaperd.must('stop')
    assert.doesNotMatch(daemon.output(), /cannot|failed|error/i)
    assert.equal(await listing(gate), before, 'nothing of theirs is changed')
    await keeper.stop()
  })
}

const own = (gate: Host) => gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_own'])

test('no trap is put into a table inet filter that sleeps: it stays asleep', async () => {
  const { world, gate, sender } = await gateAndSender()
  await using _ = world
  await serve(gate, 'tcp:80')
  await gate.route('198.51.100.0/24', '192.0.2.9') // answers to forged sources come back here
  await gate.nft(HIS)
  await gate.nft(SLEEP)
  const before = await listing(gate)
  assert.match(before, /flags dormant/)
  using flypaperd = install(gate, '', { env })
  const told = /table inet filter sleeps \(flags dormant\).*\n.*nft add table inet filter/

  for (const args of [['start'], ['start', '--dry-run'], ['try', '60'], ['restart']]) {
    const { code, stderr } = await flypaperd.run(...args)
    assert.deepEqual([code, told.test(stderr)], [78, true], `${args}: ${stderr}`)
  }
  const doctor = await flypaperd.run('doctor')
  assert.equal(doctor.code, 1)
  assert.match(doctor.stdout, /Missing\s+Table inet filter sleeps/)
  for (const verb of ['status', 'list', 'generate', 'stop']) await flypaperd.run(verb)
  assert.equal(await listing(gate), before)

  const answersTo = async (source: string) => {
    const { answers } = await send(sender, { bursts: [[{ source, destination: '192.0.2.1', tcp: 80 }]] })
    return answers.map(({ kind }) => kind)
  }
  assert.deepEqual(await answersTo('198.51.100.1'), ['syn-ack'], 'his service answers as before')
  await gate.nft('add table inet filter')
  assert.deepEqual(await answersTo('198.51.100.2'), [], 'the control: awake his rules drop it')
  const daemon = await flypaperd.start()
  await flypaperd.must('stop')
  await daemon.ended
})

test('a table that is put to sleep while the trap is in it is not woken by us, and says why it does nothing', async () => {
  const { world, gate } = await gateAndSender()
  await using _ = world
  await gate.nft(HIS)
  const before = await listing(gate)
  using flypaperd = install(gate, '', { env })
  const daemon = await flypaperd.start()
  await gate.nft(SLEEP)
  const reload = await flypaperd.run('reload')
  assert.match(reload.stderr, /table inet filter is asleep \(flag dormant\)/)
  await daemon.says(/has put the trap to sleep: table inet filter is asleep/)
  assert.match(await listing(gate), /flags dormant/)
  assert.equal((await flypaperd.run('status')).code, 1)
  await flypaperd.must('stop')
  assert.equal(
    await listing(gate),
    before.replace('filter {\n', 'filter {\n\tflags dormant\n\n'),
    'but asleep',
  )
})

test('no trap is put into a table inet filter that a program keeps for itself', async () => {
  const { world, gate } = await gateAndSender()
  await using _ = world
  const keeper = await gate.start(['nft', '-i'])
  keeper.write('add table inet filter { flags owner; }\nadd chain inet filter input\nlist tables\n')
  await keeper.says(/table inet filter/)
  const before = await listing(gate)
  using flypaperd = install(gate, '', { env })
  const { code, stderr } = await flypaperd.run('start')
  assert.equal(code, 78)
  assert.match(stderr, /table inet filter belongs to another program \(flags owner\)/)
  assert.match((await flypaperd.run('doctor')).stdout, /Missing\s+Table inet filter belongs/)
  assert.equal((await flypaperd.run('stop')).code, 0)
  assert.equal(await listing(gate), before)
  await keeper.stop()
})
