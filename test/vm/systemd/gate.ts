/**
 * The machine that the tests of boot-*.test.ts and fail2ban-*.test.ts run on, as the gate: its services are real units, the scanner is in a
 * namespace beside it. What runs here is a throw-away machine, never the one that builds it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { must, PATIENCE, type Running, run } from '../../support/process.ts'
import { type Host, makeWorld } from '../../support/world.ts'

export const GATE = '192.0.2.1'
export const SCANNER = '192.0.2.66'
/** One source for each purpose. */
export const FLY = '198.18.0.7'
export const OTHER_FLY = '198.18.0.8'
export const CLIENT = '198.18.0.9'

if (!existsSync('/etc/systemd/system/boots.service'))
  throw new Error('this is not the machine for these tests')

export const sh = (script: string) => must(['sh', '-c', script], { timeout: 120_000 })
export const code = async (script: string) => (await run(['sh', '-c', script], { timeout: 120_000 })).code

/** The properties of the unit, by name. */
export async function unit(...names: string[]): Promise<Record<string, string>> {
  const text = await sh(`systemctl show flypaperd ${names.map(name => `-p ${name}`).join(' ')}`)
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map(line => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )
}

/** Lines of its [Service] that are in force from the next start on; none takes them away. */
export async function dropIn(lines: string): Promise<void> {
  const folder = '/run/systemd/system/flypaperd.service.d'
  await sh(
    `mkdir -p ${folder}; printf '[Service]\n%s\n' '${lines}' > ${folder}/test.conf; systemctl daemon-reload`,
  )
}

/** Runs it as a service of another name, with directories of its own, until it has started or failed. */
export async function below(type: string, command: string): Promise<{ code: number; said: string }> {
  const lines = [
    `Type=${type}`,
    'NotifyAccess=all',
    'RuntimeDirectory=other',
    'StateDirectory=other',
    'StandardOutput=truncate:/root/other.out',
    `ExecStart=/bin/sh -c '${command.replaceAll('$', () => '$$')}'`,
  ]
  writeFileSync('/run/systemd/system/other.service', `[Service]\n${lines.join('\n')}\n`)
  await sh('systemctl daemon-reload')
  const status = await code('systemctl start other')
  return { code: status, said: readFileSync('/root/other.out', 'utf8') }
}

/** What the journal of this boot has of the unit, the newest last. */
export const journal = () => sh('journalctl -b -q -u flypaperd -o cat')

/** Asks again until it is so; after 30 s (times the patience) it is told what was there instead. */
export async function until(what: string, isSo: () => Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000 * PATIENCE
  while (Date.now() < deadline) {
    if (await isSo()) return
    await sleep(100)
  }
  throw new Error(
    `not in time: ${what}\n${await journal()}${await sh('nft list ruleset; systemctl status flypaperd || :')}`,
  )
}

/** The scanner, cabled to this machine's own namespace. */
export async function makeScanner(): Promise<AsyncDisposable & Scanner> {
  const world = await makeWorld()
  const host = await world.host('scanner')
  const addresses = [`${SCANNER}/24`, `${FLY}/32`, `${OTHER_FLY}/32`, `${CLIENT}/32`]
  await sh(`ip link add to-scanner type veth peer name to-gate netns ${host.holder}
    ip addr add ${GATE}/24 dev to-scanner; ip link set to-scanner up; ip route add 198.18.0.0/16 via ${SCANNER}`)
  await host.must([
    'sh',
    '-c',
    `${addresses.map(one => `ip addr add ${one} dev to-gate;`).join('')} ip link set to-gate up`,
  ])
  return { ...scannerOf(host), [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

export type Answer = 'open' | 'refused' | 'silent'

export interface Scanner {
  /** One attempt to connect to the gate. */
  connect(source: string, port: number): Promise<Answer>
  /** SYN after SYN, a few milliseconds apart, until it is stopped. */
  scan(source: string, ports: readonly number[]): Promise<Running>
}

function scannerOf(host: Host): Scanner {
  return {
    async connect(source, port) {
      const { stderr } = await host.run(['nc', '-nvz', '-w', '2', '-s', source, GATE, String(port)])
      if (/bind|assign/.test(stderr)) throw new Error(`${source} is no address of the scanner: ${stderr}`)
      if (stderr.includes('succeeded')) return 'open'
      return stderr.includes('refused') ? 'refused' : 'silent'
    },
    scan: (source, ports) => host.start(['perl', '-e', SCAN, source, GATE, ...ports.map(String)]),
  }
}

const SCAN = `
use strict; use IO::Socket::INET;
my ($source, $gate, @ports) = @ARGV;
my @open;
while (1) {
  for my $port (@ports) {
    push @open, IO::Socket::INET->new(
      LocalAddr => $source, PeerAddr => $gate, PeerPort => $port, Proto => 'tcp', Blocking => 0);
    shift @open if @open > 50;
    select(undef, undef, undef, 0.005);
  }
}
`

/** How many packets of the fly got past the early chain, counted by a table of the test's own. */
export async function through(): Promise<number> {
  return Number(/packets (\d+)/.exec(await sh('nft list table inet watch'))![1])
}

export const watch = () =>
  sh(
    `nft 'table inet watch { chain pre { type filter hook prerouting priority 0; ip saddr ${FLY} counter; }; }'`,
  )

/** A service of the gate. */
export const serve = (port: number) =>
  sh(
    `systemd-run -q --unit=service-${port} nc -lk ${port} && while ! ss -Hltn sport = ${port} | grep -q .; do sleep 0.1; done`,
  )

export const inSet = async (fly: string) => (await sh('nft list set inet filter flypaper')).includes(fly)
