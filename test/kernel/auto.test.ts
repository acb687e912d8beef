/** closed = "auto": what it takes is said, stays while the firewall changes, and goes back to listening from what could hurt. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const STRICT = `table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport 22 accept
  }
}`
/** Somebody listens, and the firewall refuses. */
const REFUSED = 3306

async function gateAndSender() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const sender = await world.host('sender')
  await world.link(gate, sender, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await serve(gate, 'tcp:22', `tcp:${REFUSED}`)
  const tries = async (source: string, tcp: number) =>
    void (await send(sender, { bursts: [[{ source, destination: GATE, tcp }]], wait: 1_500 }))
  return { world, gate, tries }
}

/** A change of addresses makes the daemon look at once, not within a minute. */
let moves = 0
async function lookAgain(gate: Host): Promise<void> {
  moves += 1
  await gate.must(['ip', 'address', 'add', `10.99.0.${moves}/32`, 'dev', 'lo'])
}

test('it takes what refuses into account, stays when that changes, and a reload decides anew', async () => {
  const { world, gate, tries } = await gateAndSender()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "listening", since no rule here refuses/)
  await gate.nft(STRICT)
  await lookAgain(gate)
  await daemon.says(/firewall has changed: a start or reload now, and closed = "auto" takes "unaccepted"/)
  await lookAgain(gate)
  await tries('198.51.100.1', REFUSED)
  assert.deepEqual(lockouts(daemon), [], 'listening: somebody does')
  assert.equal([...daemon.output().matchAll(/firewall has changed/g)].length, 1, 'said once')

  await flypaperd.must('reload')
  await daemon.says(/closed = "auto" takes "unaccepted", since table inet filter refuses/)
  assert.match(await flypaperd.must('status'), /closed is what nobody accepts, by "auto"\)/)
  await tries('198.51.100.2', REFUSED)
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.2'])
})

test('a rule that lets packets wait: back to listening at once, for good, until a reload', async () => {
  const { world, gate, tries } = await gateAndSender()
  await using _ = world
  await gate.nft(STRICT)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "unaccepted"/)
  await tries('198.51.100.1', REFUSED)
  await daemon.says(/lockout 198\.51\.100\.1,/)

  const queue = ['INPUT', '-p', 'udp', '--dport', '9999', '-j', 'NFQUEUE', '--queue-num', '7']
  await gate.must(['iptables-nft', '-A', ...queue])
  await lookAgain(gate)
  await daemon.says(/firewall has changed: .*takes "listening", since a rule in chain INPUT .*NFQUEUE/)
  await tries('198.51.100.2', REFUSED)
  await tries('198.51.100.3', 81)
  await daemon.says(/lockout 198\.51\.100\.3,/)
  assert.deepEqual(lockouts(daemon), ['198.51.100.1', '198.51.100.3'])

  await gate.must(['iptables-nft', '-D', ...queue])
  await lookAgain(gate)
  await daemon.says(/firewall has changed: a start or reload now/)
  assert.match(await flypaperd.must('status', '--json'), /"closed":"listening"/)
  await flypaperd.must('reload')
  await daemon.says(/takes "unaccepted"/)
})

test('what could hurt is never taken: a jump from a chain that accepts by its policy', async () => {
  const { world, gate, tries } = await gateAndSender()
  await using _ = world
  await gate.nft(`table inet filter {
  chain flypaper_input { }
  chain input { type filter hook input priority filter; policy accept; jump flypaper_input; }
}`)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/takes "listening", since chain input jumps to the trap, but accepts by its policy/)
  await tries('198.51.100.1', 22)
  await tries('198.51.100.2', 81)
  assert.deepEqual(await lockoutsOf(daemon, 1), ['198.51.100.2'])
})
