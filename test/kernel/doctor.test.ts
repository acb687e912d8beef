/** The doctor in namespaces with firewalls that are loaded for real; what it says is compared with what the kernel lists. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Installation, install } from '../support/daemon.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** Debian's /etc/nftables.conf, as its package brings it. */
const STOCK = `flush ruleset
table inet filter {
  chain input { type filter hook input priority filter; }
  chain forward { type filter hook forward priority filter; }
  chain output { type filter hook output priority filter; }
}`

interface Answer {
  readonly managers: readonly { readonly manager: string; readonly tables: readonly string[] }[]
  readonly path: readonly { readonly hook: string; readonly priority: number; readonly chain: string }[]
  readonly closed: { readonly in_force: string; readonly armed: boolean; readonly recommended: string }
  readonly findings: readonly { readonly about: string; readonly severity: string; readonly text: string }[]
}

async function ask(flypaperd: Installation): Promise<Answer & { code: number }> {
  const { code, stdout } = await flypaperd.run('doctor', '--json')
  return { code, ...JSON.parse(stdout) }
}

const managers = ({ managers }: Answer) =>
  managers.map(({ manager, tables }) => `${manager}: ${tables.join(', ')}`)
const atInput = ({ path }: Answer) =>
  path.filter(({ hook }) => hook === 'input').map(({ priority, chain }) => `${priority} ${chain}`)

async function gateAndSender() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  await world.link(gate, sender, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await serve(gate, 'tcp:2222')
  return { world, gate, sender }
}

async function untouchedBy(gate: Host, act: () => Promise<void>): Promise<void> {
  const before = await gate.must(['nft', 'list', 'ruleset'])
  await act()
  assert.equal(await gate.must(['nft', 'list', 'ruleset']), before)
}

test('an empty machine', async () => {
  const { world, gate } = await gateAndSender()
  await using _ = world
  using flypaperd = install(gate, '', { env: { SSH_CONNECTION: '192.0.2.9 50000 192.0.2.1 2222' } })
  await untouchedBy(gate, async () => {
    const answer = await ask(flypaperd)
    assert.equal(answer.code, 0)
    assert.deepEqual(
      managers(answer).filter(it => /: .+/.test(it)),
      [],
    )
    assert.deepEqual(atInput(answer), ['-10 flypaper_listening'])
    assert.deepEqual([answer.closed.recommended, answer.closed.armed], ['listening', false])
    const danger = answer.findings.filter(({ about }) => about === 'danger')
    assert.match(danger[0]!.text, /192\.0\.2\.9, which one packet to a closed port would lock out/)
    assert.match(danger[1]!.text, /TCP-port 2222, by which you came in, is open/)
  })
})

test('what it says of the caller is true: one packet locks him out, and the never-list spares him', async () => {
  const { world, gate, sender } = await gateAndSender()
  await using _ = world
  const env = { SSH_CONNECTION: '192.0.2.9 50000 192.0.2.1 2222' }
  const offend = () =>
    send(sender, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  using flypaperd = install(gate, 'never = ["192.0.2.9"]', { env })
  const daemon = await flypaperd.start()
  const spared = await ask(flypaperd)
  assert.match(spared.findings.find(({ about }) => about === 'danger')!.text, /never-list: never judged/)
  assert.deepEqual([spared.closed.in_force, spared.closed.armed], ['listening', true])
  await offend()
  flypaperd.settings('')
  await flypaperd.must('reload')
  await offend()
  await daemon.says(/lockout 192\.0\.2\.9, who tried TCP-port 81/)
  assert.equal([...daemon.output().matchAll(/lockout 192/g)].length, 1)
})

test('what it says of containers is true: they are judged as everybody is', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const container = await world.host('container')
  const ends = { a: ['172.17.0.1/16'], b: ['172.17.0.2/16'], names: { a: 'docker0', b: 'eth0' } }
  await world.link(gate, container, ends)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  const danger = (await ask(flypaperd)).findings.filter(({ about }) => about === 'danger')
  const isOfContainers = ({ text }: { text: string }) =>
    /behind docker0 \(172\.17\.0\.0\/16\) are judged as everybody is/.test(text)
  assert.ok(danger.some(isOfContainers))
  const offence = { source: '172.17.0.2', destination: '172.17.0.1', tcp: 81 }
  await send(container, { bursts: [[offence]], wait: 0 })
  await daemon.says(/lockout 172\.17\.0\.2/)
})

test('Debian’s stock nftables.conf, and a policy of drop in it, which the recommended settings take', async () => {
  const { world, gate, sender } = await gateAndSender()
  await using _ = world
  await gate.nft(STOCK)
  using flypaperd = install(gate)
  const stock = await ask(flypaperd)
  assert.deepEqual(
    managers(stock).filter(it => /: .+/.test(it)),
    ['nftables: inet filter'],
  )
  assert.deepEqual(atInput(stock), ['-10 flypaper_listening', '0 input'])
  assert.equal(stock.closed.recommended, 'listening')

  await gate.nft(
    'add chain inet filter input { policy drop; }\nadd rule inet filter input tcp dport 2222 accept',
  )
  const strict = await ask(flypaperd)
  assert.equal(strict.closed.recommended, 'unaccepted')
  flypaperd.settings('closed = "unmatched"\nchains.input = ["input"]')
  const daemon = await flypaperd.start()
  const armed = await ask(flypaperd)
  assert.deepEqual(
    [armed.code, armed.closed.in_force, armed.closed.recommended],
    [0, 'unmatched', 'unmatched'],
  )
  await send(sender, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.9/)
})

test('rules by iptables-nft: seen, left alone, and the trap works beside them', async () => {
  const { world, gate, sender } = await gateAndSender()
  await using _ = world
  for (const rule of [
    '-P INPUT DROP',
    '-A INPUT -p tcp -m multiport --dports 22,2222 -m comment --comment ssh -j ACCEPT',
  ])
    await gate.must(['iptables-nft', ...rule.split(' ')])
  using flypaperd = install(gate)
  await untouchedBy(gate, async () => {
    const answer = await ask(flypaperd)
    assert.deepEqual(
      managers(answer).filter(it => /: .+/.test(it)),
      ['iptables-nft: ip filter'],
    )
    assert.deepEqual(atInput(answer), ['-10 flypaper_listening', '0 INPUT', '400 flypaper_end_input'])
    assert.deepEqual([answer.code, answer.closed.recommended], [0, 'unaccepted'])
    const text = await flypaperd.must('doctor')
    assert.match(text, /^input +0 +ip filter INPUT +policy drop, 1 rule$/m)
  })
  const daemon = await flypaperd.start()
  await send(sender, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.9/)
})

test('without CAP_NET_ADMIN: what can be seen without, and what is missing', async () => {
  const { world, gate } = await gateAndSender()
  await using _ = world
  using flypaperd = install(gate)
  const command = [
    'setpriv',
    '--bounding-set=-net_admin',
    '--inh-caps=-net_admin',
    process.execPath,
    FLYPAPERD,
    'doctor',
  ]
  const { code, stdout } = await gate.run(command)
  assert.equal(code, 1, flypaperd.directory)
  assert.match(stdout, /Missing +No permission to read and change the firewall: CAP_NET_ADMIN is missing/)
  assert.match(stdout, /all but .*tcp 2222/)
})
