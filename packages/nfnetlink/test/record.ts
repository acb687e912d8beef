/**
 * Records what the kernel itself sends for a few packets of a real scan, byte by byte, for the fuzz test of the parser:
 * `unshare --net node packages/nfnetlink/test/record.ts > packages/nfnetlink/test/recorded.json`. To be run by hand, in a namespace.
 */
import { networkInterfaces } from 'node:os'
import { configure } from '../src/configure.ts'
import { be, type PacketSubsystem } from '../src/message.ts'
import { makeSlots } from '../src/slots.ts'
import { openSocket } from '../src/socket.ts'
import { command } from './command.ts'

const RULES =
  'table inet r { chain c { type filter hook input priority 0; tcp dport 1-3 meta mark set 9 log group 1 prefix "scan"\n}\n}'
/** Bind and copy 128 bytes, with a sequence number: the same as openLog and openQueue ask for. */
const CONFIGURATION = {
  log: {
    message: 1,
    attributes: [bind(1), { type: 2, value: be([128, 4], [2, 1], [0, 1]) }, { type: 6, value: be([1, 2]) }],
  },
  queue: { message: 2, attributes: [bind(1), { type: 2, value: be([128, 4], [2, 1]) }] },
}

function bind(type: number) {
  return { type, value: be([1, 1], [0, 1], [0, 2]) }
}

function record(subsystem: PacketSubsystem): string[] {
  const socket = openSocket(12, 0, 1 << 20)
  const slots = makeSlots(65_536, 16)
  configure(socket, slots, { subsystem, groups: [1], ...CONFIGURATION[subsystem] })
  command('nmap -n -Pn -sS -p 1-3 --max-retries 0 --host-timeout 3s 127.0.0.1')
  command('sleep 1.2')
  const count = Math.max(0, socket.receive(slots))
  return Array.from({ length: count }, (_, slot) => Buffer.from(slots.datagram(slot)).toString('hex'))
}

if (Object.keys(networkInterfaces()).length > 0)
  throw new Error('not in the network namespace of the machine')
command('ip link set lo up')
command('nft -f -', RULES)
const log = record('log')
command('iptables-nft -t security -A INPUT -p tcp --dport 1:3 -m mark --mark 9 -j NFQUEUE --queue-num 1')
console.log(JSON.stringify({ log, queue: record('queue') }, null, 2))
