/**
 * Every shell command of the documents and of the man pages (whose examples docs/commands.md has as well) does what it is
 * there for: with a daemon and some flies, ends with 0 and says something. Those of the README: test/docs/commands.test.ts.
 */
import assert from 'node:assert/strict'
import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { atFixedPlaces, type Installation, install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const NOT_RUN: readonly (readonly [command: RegExp, because: string])[] = [
  [/apt-get|systemctl|build:deb|npm pack|npm install/, 'test/install has the packages'],
  [/test:long|test\/long\/|FLYPAPERD_KILLS/, 'they take ten minutes and more, or a million flies'],
  [/npm run bench|bench\/hottest|^perf /, 'they measure, for minutes'],
  [/flypaperd prove/, 'test/kernel/prove.test.ts does'],
  [/flypaperd replay/, 'test/kernel/replay.test.ts does'],
  [/flypaperd what-if|^sudo tshark/, 'test/kernel/what-if.test.ts does, and reads the ring by tcpdump'],
  [/^sudo journalctl/, "they are about the machine's own journal, and remove it"],
  [/mail\.password|flypaperd notify/, 'test/kernel/notify.test.ts has a mail server'],
  [/flypaperd web|^ssh -N -L|^adduser/, 'test/web and test/surface/web do, and the accounts are yours'],
  [/socat/, 'test/kernel/prometheus.test.ts scrapes through it'],
  [/--textfile \/var/, 'test/kernel/textfile.test.ts writes such a file'],
]
/** Those that arm the trap and stay in the foreground until Ctrl-C. */
const ARMING = /^sudo flypaperd (start|restart|try)\b/
/** Those that wait for events. */
const WATCHING = /^sudo flypaperd watch|\/v1\/events/
/** Those that say nothing when all is well. */
const SILENT = />|nft --check|mkdir|--textfile/

const commands = new Map<string, string>()
for (const file of globSync('docs/**/*.md')) {
  for (const [, block] of readFileSync(file, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm))
    for (const line of block!.trim().split('\n')) commands.set(line.replace(/ +# .*/, ''), file)
}
const wanted = [...commands.keys()].filter(command => !NOT_RUN.some(([pattern]) => pattern.test(command)))

test('what is left out is in the documents', () => {
  for (const [pattern, because] of NOT_RUN)
    assert.ok(
      [...commands.keys()].some(command => pattern.test(command)),
      because,
    )
  assert.ok(wanted.length > 50)
})

for (const command of wanted.filter(one => ARMING.test(one))) {
  test(command, async () => {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    using flypaperd = equipped(gate)
    const daemon = await started(gate, flypaperd, command)
    // Where the log is JSON, nothing else is said.
    const first = command.includes('--log json')
      ? /^\{.*"event":"armed"/
      : /^Starting portscan protection: flypaperd\.$/
    await daemon.says(first)
    await eventually(daemon.output, async () => /pid \d+/.test((await flypaperd.run('status')).stdout))
    process.kill(-daemon.pid, 'SIGINT')
    await daemon.ended
    assert.equal(await gate.must(['nft', 'list', 'ruleset']), '')
  })
}

test('with a daemon and some flies', async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, {
    a: ['192.0.2.1/24', '2001:db8:f::1/64'],
    b: ['192.0.2.9/24', '2001:db8:f::9/64'],
  })
  await gate.route('69.0.231.0/24', '192.0.2.9')
  await gate.route('2001:db8:1::/48', '2001:db8:f::9')
  using flypaperd = equipped(gate)
  let daemon = await flypaperd.start()
  const armed = async () => {
    if ((await flypaperd.run('status')).code === 3) daemon = await flypaperd.start()
    const tries = [
      { source: '69.0.231.79', destination: '192.0.2.1', tcp: 20000 },
      { source: '69.0.231.80', destination: '192.0.2.1', tcp: 8443 },
      { source: '2001:db8:1:2::9', destination: '2001:db8:f::1', tcp: 22 },
    ]
    await send(scanner, { bursts: tries.map(one => [one]), wait: 0 })
    const isIn = async (set: string, element: string) =>
      (await gate.run(['nft', 'list', 'set', 'inet', 'filter', set])).stdout.includes(element)
    await eventually(daemon.output, () => isIn('flypaper', '69.0.231.80'))
    await eventually(daemon.output, () => isIn('flypaper6', '2001:db8:1:2::'))
  }
  for (const command of wanted.filter(one => !ARMING.test(one))) {
    await t.test(`${commands.get(command)}: ${command}`, async () => {
      await armed()
      if (WATCHING.test(command)) {
        const watching = await started(gate, flypaperd, command)
        await eventually(watching.output, async () => {
          await flypaperd.run('free', '203.0.113.99') // to lock out a fly again tells nothing
          await flypaperd.run('lock', '203.0.113.99')
          return /203\.0\.113\.99/.test(watching.output())
        })
        process.kill(-watching.pid, 'SIGINT')
        await watching.ended
        return
      }
      const { code, stdout, stderr } = await gate.run(shell(flypaperd, command), options(flypaperd, command))
      assert.equal(code, 0, stdout + stderr)
      if (!SILENT.test(command)) assert.notEqual(stdout, '')
      if (/curl/.test(command)) assert.doesNotMatch(stdout, /^\{"error"/)
    })
  }
})

/** An installation with `flypaperd` and `sudo` in a folder of programs, and the files that the documents speak of. */
function equipped(gate: Host): Installation {
  const flypaperd = install(gate, 'names = ["home.example.net"]\n')
  const { directory } = flypaperd
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text)
  mkdirSync(join(directory, 'bin'))
  mkdirSync(join(directory, 'nftables.d'))
  write('bin/flypaperd', `#!/bin/sh\nexec ${process.execPath} ${FLYPAPERD} "$@"\n`)
  write('bin/sudo', '#!/bin/sh\nexec "$@"\n')
  for (const program of ['flypaperd', 'sudo']) chmodSync(join(directory, 'bin', program), 0o755)
  write('hosts', '127.0.0.1 localhost\n69.0.231.79 vpn.example.org\n')
  for (const list of ['flies.txt', 'blocked.txt']) write(list, '203.0.113.5\n2001:db8:7:7::/64\n')
  write('flies.json', '["203.0.113.5"]')
  return flypaperd
}

/** The names of the documents are those of an installed flypaperd; here they are a folder of the test. */
function shell({ directory }: Installation, command: string): string[] {
  const here = command.replaceAll('/etc/nftables.d', `${directory}/nftables.d`)
  return [...atFixedPlaces(directory), 'sh', '-c', `mount --bind ${directory}/hosts /etc/hosts && ${here}`]
}

function options({ directory }: Installation, command: string) {
  const env = { PATH: `${directory}/bin:${process.env.PATH}` }
  return { env, cwd: /npm/.test(command) ? process.cwd() : directory }
}

function started(gate: Host, flypaperd: Installation, command: string): Promise<Running> {
  return gate.start(['setsid', ...shell(flypaperd, command)], options(flypaperd, command))
}
