/**
 * `npm run demo`: two throw-away hosts, a gate with three services and a scanner with nmap, and the real daemon
 * between them. Exit status 0 only if everything was as it is told. The machine's own network is not touched.
 */
import { mkdtempDisposableSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { install } from '../test/support/daemon.ts'
import { asRoot } from '../test/support/root.ts'
import { serve } from '../test/support/server.ts'
import { type Host, makeWorld } from '../test/support/world.ts'
import { claim, print, say, show } from './stage.ts'

const GATE = '192.0.2.1'
const SCANNER = '192.0.2.66'
const SERVICES = [22, 80, 43974]
/** In order, so that the scanner touches a closed port first: at random it could hit an open one by chance. */
const SCAN = ['nmap', '-n', '-Pn', '-r', '-sS', '-T5', '--max-retries', '1', '-p']
const MANY = '1-1000,43974'

/** What would stay behind; it goes at the end, and also when a signal comes in the middle. */
await using behind = new AsyncDisposableStack()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave)
process.stdout.on('error', () => leave('SIGPIPE')) // nobody reads on

asRoot()
await demo().catch((error: unknown) => {
  if (behind.disposed) return // the hosts were taken away
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

/** Ctrl-C comes twice when npm passes it on, so one is as good as many. */
async function leave(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE') {
  if (behind.disposed) return
  await behind.disposeAsync()
  process.exit(128 + constants.signals[signal])
}

async function demo() {
  process.env.TMPDIR = behind.use(mkdtempDisposableSync(join(tmpdir(), 'flypaperd-demo-'))).path
  const world = behind.use(await makeWorld())
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: [`${SCANNER}/24`] })
  await serve(gate, 'tcp:22', 'tcp:80', 'tcp:43974')
  using flypaperd = install(gate)
  const verb = async (...args: string[]) => {
    show('gate', `flypaperd ${args.join(' ')}`)
    const { stdout, stderr, code } = await flypaperd.run(...args)
    print(stdout + stderr)
    return { stdout, code }
  }

  say('A gate with three services, one moved to port 43974. A scanner finds them:')
  claim(same(await openPorts(scanner, MANY), SERVICES), 'without flypaperd nmap finds 22, 80 and 43974')

  say('Now the trap is armed.')
  show('gate', 'flypaperd start')
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes/)
  print(withoutPriorities(daemon.output()))

  say('The same scan again. It stumbles over a closed port:')
  const found = openPorts(scanner, MANY)
  const [line] = await daemon.says(/lockout .*/)
  print(line)
  claim(
    line.includes(`lockout ${SCANNER}, who tried TCP-port `),
    'the scanner is locked out, and the log says why',
  )
  claim(same(await found, []), 'nmap finds nothing')

  say('How is the trap?')
  const { stdout, code } = await verb('status')
  claim(
    code === 0 && stdout.split('\n').filter(text => /: +OK/.test(text)).length === 6,
    'all six lines are OK',
  )

  say('Who is stuck? The kernel knows:')
  show('gate', 'nft list set inet filter flypaper')
  const set = await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper'])
  print(set)
  claim(/ timeout 10m /.test(set.slice(set.indexOf(SCANNER))), 'the scanner is in the set for ten minutes')

  say('It knows the three ports now, but the gate stays silent to it:')
  claim(same(await openPorts(scanner, SERVICES.join()), []), 'not even these ports answer')

  say('The administrator frees it. Now the ports answer again, and the trap goes:')
  claim((await verb('free', SCANNER)).code === 0, 'freed')
  claim(same(await openPorts(scanner, SERVICES.join()), SERVICES), 'the three ports answer again')
  claim((await verb('stop')).code === 0, 'stopped')
  claim((await daemon.ended).code === 0, 'the daemon has ended well')
  claim((await gate.must(['nft', 'list', 'ruleset'])) === '', 'nothing is left in the kernel')
}

async function openPorts(scanner: Host, ports: string): Promise<number[]> {
  const command = [...SCAN, ports, GATE]
  show('scanner', command.join(' '))
  const report = await scanner.must(command)
  const found = report
    .split('\n')
    .filter(line => /^PORT|^\d+\/tcp +|scanned ports .* in ignored states|^Not shown/.test(line))
  print(found.join('\n'))
  return [...report.matchAll(/^(\d+)\/tcp +open /gm)].map(([, port]) => Number(port))
}

function same(found: readonly number[], expected: readonly number[]): boolean {
  return JSON.stringify(found) === JSON.stringify(expected)
}

/** The daemon believes to run under systemd here, and marks each line with its priority. */
function withoutPriorities(output: string): string {
  return output.replace(/^<\d>/gm, '')
}
