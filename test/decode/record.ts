/**
 * Records what real scanners send, for the tests of the decoder: `node test/decode/record.ts > test/decode/recorded.json`.
 * To be run by hand when a kind of scan is added; the recording is part of the checkout.
 */
import { fileURLToPath } from 'node:url'
import { openLog } from '../../packages/nfnetlink/src/index.ts'
import { asRoot } from '../support/root.ts'
import { makeWorld } from '../support/world.ts'

const SCANS = {
  'nmap -sS': ['-sS', '-p', '1-3'],
  'nmap -sF': ['-sF', '-p', '1'],
  'nmap -sN': ['-sN', '-p', '1'],
  'nmap -sX': ['-sX', '-p', '1'],
  'nmap -sA': ['-sA', '-p', '1'],
  'nmap --scanflags SYNFIN': ['-sS', '--scanflags', 'SYNFIN', '-p', '1'],
  'nmap -sU': ['-sU', '-p', '53,123,9'],
  'nmap -sO': ['-sO', '-p', '2,47,50,132,200'],
  'nmap -sY': ['-sY', '-p', '1'],
  'nmap -f': ['-sS', '-f', '-p', '1'],
  'nmap --ip-options R': ['-sS', '--ip-options', 'R', '-p', '1'],
  'nmap -PP -PM': ['-sn', '-PP', '-PM', '--disable-arp-ping'],
}

/** In the namespace of the gate: prints each packet that NFLOG brings, as hex. */
function listen(): void {
  openLog({
    groups: [7],
    onBatch(packets) {
      for (const { payload } of packets) console.log(Buffer.from(payload).toString('hex'))
    },
    onError: console.error,
  })
  console.log('ready')
}

async function record(): Promise<Record<string, string[]>> {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: ['192.0.2.1/24', '2001:db8:1::1/64'], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  await world.link(gate, scanner, ends)
  // Before defragmentation, so that fragments are recorded as such.
  await gate.nft(
    'table inet r { chain c { type filter hook prerouting priority -500\niif != "lo" log group 7\n}\n}',
  )
  const listener = await gate.start([process.execPath, fileURLToPath(import.meta.url), 'listen'])
  await listener.says(/ready/)
  const recorded: Record<string, string[]> = {}
  for (const [name, args] of Object.entries(SCANS)) {
    for (const [family, target] of [
      [[], '192.0.2.1'],
      [['-6'], '2001:db8:1::1'],
    ] as const) {
      const from = listener.output().length
      const command = ['nmap', ...family, '-n', '-Pn', '--max-retries', '0', ...args, target]
      await scanner.run(args.includes('-sn') ? command.filter(arg => arg !== '-Pn') : command)
      await new Promise(resolve => setTimeout(resolve, 100))
      const packets = listener
        .output()
        .slice(from)
        .split('\n')
        .filter(line => line !== '')
      if (packets.length > 0) recorded[[name, ...family].join(' ')] = packets.slice(0, 8)
    }
  }
  return recorded
}

asRoot()
if (process.argv[2] === 'listen') listen()
else console.log(JSON.stringify(await record(), null, 2))
