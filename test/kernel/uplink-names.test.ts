/** An uplink may have any name that the kernel takes. What no rule can name is said, and leaves listings that load again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** As the shell's printf writes them, since not all of them are text. */
const WRITABLE = ['w\\303\\244n!', '$a;{b}#,=@', "o'neil\\\\", 'x*y', '\\001\\033[7m', '123']
const UNWRITABLE = ['a"b', 'wan*', 'a\\377b']

const GATE = '192.0.2.1'
const OUTSIDE = '192.0.2.9'
const PC = '10.0.0.5'

for (const closed of ['listening', 'unaccepted'])
  test(`closed = "${closed}": hosts inside keep what they send out, whatever the uplink is called`, async () => {
    await using world = await makeWorld()
    const { gate, uplink, pc } = await router(world)
    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nserved = "0s"`)
    const daemon = await flypaperd.start()
    await send(pc, { bursts: [[{ source: PC, destination: '10.0.0.1', tcp: 81 }]], wait: 0 })
    assert.deepEqual(await lockoutsOf(daemon, 1), [PC])
    const goesOut = () => connects(pc, OUTSIDE)

    for (const name of WRITABLE) {
      await rename(gate, name)
      await eventually(`${name} is followed`, goesOut)
      assert.equal(await connects(pc, '10.0.0.1'), false, 'the control: nothing else')
      await loadsAgain(gate)
    }
    const quiet = /no rule can name the interface/
    assert.doesNotMatch(daemon.output(), quiet)
    assert.doesNotMatch(await flypaperd.must('status'), quiet)

    for (const name of UNWRITABLE) {
      await rename(gate, name)
      const status = async () => (await flypaperd.run('status')).stdout
      await eventually(`${name} is said`, async () => quiet.test(await status()))
      assert.match(await status(), /^note: no rule can name .*Rename it: ip link set dev OLD name NEW$/m)
      assert.match((await flypaperd.run('doctor')).stdout, /No rule can name/)
      assert.equal(await goesOut(), false)
      await loadsAgain(gate)
    }
    await daemon.says(quiet)

    await rename(gate, 'wan')
    await eventually('it can be named again', goesOut)
    assert.doesNotMatch(await flypaperd.must('status'), quiet)
    // The twin: who comes in by it in the name of the host inside gets nothing.
    const forged = [{ source: PC, destination: GATE, tcp: 22 }]
    assert.deepEqual((await send(uplink, { bursts: [forged], wait: 300 })).answers, [])
  })

async function router(world: Awaited<ReturnType<typeof makeWorld>>) {
  const [gate, uplink, pc] = (await Promise.all(['gate', 'uplink', 'pc'].map(it => world.host(it)))) as [
    Host,
    Host,
    Host,
  ]
  await world.link(gate, uplink, { a: [`${GATE}/24`], b: [`${OUTSIDE}/24`] })
  await world.link(gate, pc, { a: ['10.0.0.1/24'], b: [`${PC}/24`] })
  await gate.forward()
  await gate.route('default', '192.0.2.254')
  await pc.route('default', '10.0.0.1')
  await uplink.route('10.0.0.0/24', GATE)
  await serve(gate, 'tcp:22')
  await serve(uplink, 'tcp:22')
  return { gate, uplink, pc }
}

/** Renames the uplink, whatever it is called now. */
async function rename(gate: Host, name: string): Promise<void> {
  await gate.must([
    'sh',
    '-ec',
    `export LC_ALL=C
    old=$(ip -4 -o route get ${OUTSIDE} | sed 's/.* dev \\(.*\\) src .*/\\1/')
    new=$(printf '${name.replaceAll("'", "'\\''")}')
    ip link set dev "$old" down
    ip link set dev "$old" name "$new"
    ip link set dev "$new" up
    ip route add default via 192.0.2.254 dev "$new"`,
  ])
}

async function connects(from: Host, to: string): Promise<boolean> {
  const { stdout } = await from.run(['nc', '-N', '-w', '1', to, '22'], { input: 'x\n' })
  return stdout.includes('port 22')
}

/** What an administrator writes to /etc/nftables.conf must load at the next boot. */
async function loadsAgain(gate: Host): Promise<void> {
  await gate.must(['sh', '-ec', 'listing=$(nft list ruleset); printf "%s\\n" "$listing" | nft -c -f -'])
}
