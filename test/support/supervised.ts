/** A gate whose daemon has a supervisor that hears its signs, and a scanner: for what may make it stand still. */
import type { Running } from './process.ts'
import { gateAndScanner } from './scanning.ts'
import { send } from './sender.ts'
import { serve } from './server.ts'
import type { Host, World } from './world.ts'

const GATE = '192.0.2.1'
/** Each network namespace has addresses of its own. */
const ADDRESS = '@flypaperd-test-supervised'
/** Prints each datagram as one line. */
const SUPERVISOR = `
use strict; use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, '${ADDRESS}' =~ s/^@/\\0/r)) or die $!;
print "listening\\n";
while (defined recv($socket, my $datagram, 4096, 0)) { print join(' ', split /\\n/, $datagram), "\\n" }
`

export interface Supervised {
  readonly gate: Host
  readonly supervisor: Running
  readonly env: Readonly<Record<string, string>>
  /** What came back to this source from these ports of the gate. */
  answersTo(source: string, ...ports: number[]): Promise<string[]>
}

/** The scanner has 198.51.100.0/24; port 22 of the gate is open; a sign is due every second. */
export async function supervised(world: World): Promise<Supervised> {
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  await serve(gate, 'tcp:22')
  await gate.sysctl('net/ipv4/tcp_synack_retries', 0) // what the control has asked is not answered once more
  const supervisor = await gate.start(['perl', '-e', SUPERVISOR])
  await supervisor.says(/^listening$/)
  return {
    gate,
    supervisor,
    env: { NOTIFY_SOCKET: ADDRESS, WATCHDOG_USEC: '1000000' },
    async answersTo(source, ...ports) {
      const burst = ports.map(tcp => ({ source, destination: GATE, tcp }))
      return (await send(scanner, { bursts: [burst] })).answers.map(({ kind }) => kind)
    },
  }
}
