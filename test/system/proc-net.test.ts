import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIpvs, parseQueue, parseResolver, parseSocket } from '../../src/system/proc-net.ts'

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   1: 010200C0:0016 090200C0:E2C4 01 00000000:00000000 02:000AFC80 00000000     0        0 2 2 0000000000000000 20 4 30 10 -1
   2: 010200C0:0016 0A0200C0:E2C4 06 00000000:00000000 02:000AFC80 00000000     0        0 2 2 0000000000000000 20 4 30 10 -1
`
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: B80D0120000001000000000001000000:0050 B80D0120000002000000000009000000:C001 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   2: 0000000000000000FFFF0000010200C0:0050 0000000000000000FFFF0000090200C0:C001 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0
`

const sockets = (table: string) => table.split('\n').flatMap(line => parseSocket(line) ?? [])

test('sockets: state, ports, the other end; addresses are host-endian words', () => {
  assert.deepEqual(
    sockets(TCP).map(({ state, local, localPort, remote }) => [state, [...local], localPort, [...remote]]),
    [
      [10, [0, 0, 0, 0], 22, [0, 0, 0, 0]],
      [1, [192, 0, 2, 1], 22, [192, 0, 2, 9]],
      [6, [192, 0, 2, 1], 22, [192, 0, 2, 10]],
    ],
  )
  assert.deepEqual(
    sockets(TCP6).map(({ state, localPort, remote }) => [
      state,
      localPort,
      Buffer.from(remote).toString('hex'),
    ]),
    [
      [10, 80, '0'.repeat(32)],
      [1, 80, '20010db8000200000000000000000009'],
      [1, 80, '00000000000000000000ffffc0000209'],
    ],
  )
  assert.deepEqual(sockets('head\nrubbish\n  1: xx yy zz\n   0: 0000:0016 0000:0000 0A \n'), [])
})

test('IPVS services, which no socket shows; by mark, or with port 0, any port', () => {
  const table = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 wrr
  -> 0A000005:1F90      Masq    1      0          0
UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr
  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0035      Route   1      0          0
TCP  C0000202:0000 rr persistent 300 FFFFFFFF
UDP  C0000201:0045 rr ops
SCTP C0000201:0050 rr
FWM  00000001 wlc
`
  assert.deepEqual(
    table.split('\n').flatMap(line => parseIpvs(line) ?? []),
    [
      [6, 80],
      [17, 53],
      [6, 0],
      [17, 69],
      [6, 0],
      [17, 0],
    ],
  )
})

test('name servers of resolv.conf', () => {
  const text =
    '# comment\nsearch example.org\nnameserver 192.0.2.53\n  nameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver no\n;nameserver 1.1.1.1\n'
  assert.deepEqual(
    text.split('\n').flatMap(line => parseResolver(line) ?? []),
    ['192.0.2.53', '2001:db8::53', 'fe80::1'],
  )
})

test('the numbers of queues to which a program listens', () => {
  const table =
    '    7  12345     0 2     0     0     0        0  1\n65535  12345     0 2     0     0     0        0  1\n'
  assert.deepEqual(
    table.split('\n').flatMap(line => parseQueue(line) ?? []),
    [7, 65_535],
  )
})
