import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseGateways4,
  parseIpvs,
  parseResolvers,
  parseRoutes6,
  parseSockets,
} from '../../src/system/proc-net.ts'

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

test('sockets: state, ports, the other end; addresses are host-endian words', () => {
  assert.deepEqual(parseSockets(TCP), [
    { state: 'listen', local: '0.0.0.0', localPort: 22, remote: '0.0.0.0', remotePort: 0 },
    { state: 'established', local: '192.0.2.1', localPort: 22, remote: '192.0.2.9', remotePort: 58052 },
    { state: 'other', local: '192.0.2.1', localPort: 22, remote: '192.0.2.10', remotePort: 58052 },
  ])
  assert.deepEqual(
    parseSockets(TCP6).map(({ state, localPort, remote }) => [state, localPort, remote]),
    [
      ['listen', 80, '::'],
      ['established', 80, '2001:db8:2::9'],
      ['established', 80, '192.0.2.9'],
    ],
  )
  assert.deepEqual(parseSockets(''), [])
  assert.deepEqual(parseSockets('head\nrubbish\n  1: xx yy zz\n'), [])
})

test('gateways of IPv4', () => {
  const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	FE0200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
  assert.deepEqual(parseGateways4(table), ['192.0.2.254'])
})

test('routes of IPv6: prefix, gateway, device', () => {
  const table = `20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000254 00000400 00000001 00000000 00000003     eth0
`
  assert.deepEqual(
    parseRoutes6(table).map(({ prefix, gateway, device }) => [prefix.text, gateway, device]),
    [
      ['2001:db8:1::/64', undefined, 'eth0'],
      ['::/0', 'fe80::254', 'eth0'],
    ],
  )
  assert.deepEqual(parseRoutes6(''), [])
})

test('IPVS services, which no socket shows; by mark there is no port', () => {
  const table = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 wrr
  -> 0A000005:1F90      Masq    1      0          0
UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr
  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0035      Route   1      0          0
FWM  00000001 wlc
`
  assert.deepEqual(parseIpvs(table), [
    [6, 80],
    [17, 53],
  ])
})

test('name servers of resolv.conf', () => {
  const text =
    '# comment\nsearch example.org\nnameserver 192.0.2.53\n  nameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver no\n;nameserver 1.1.1.1\n'
  assert.deepEqual(parseResolvers(text), ['192.0.2.53', '2001:db8::53', 'fe80::1'])
})
