import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findBridges } from '../../src/system/bridges.ts'
import { findCaller } from '../../src/system/caller.ts'

const none = () => ({ unreadable: 'missing', because: '' }) as const
const SSH = '203.0.113.5 50122 192.0.2.1 2222'

test('sshd tells by a variable who came in, and to which port', () => {
  const caller = (text: string) => findCaller({ SSH_CONNECTION: text }, 1, none)
  assert.deepEqual(caller(SSH), { address: '203.0.113.5', port: 2222 })
  assert.deepEqual(caller('fe80::5%eth0 50122 fe80::1%eth0 22'), { address: 'fe80::5', port: 22 })
  assert.deepEqual(caller('2001:DB8::5 50122 2001:db8::1 22')?.address, '2001:db8::5')
  for (const wrong of [
    '',
    'nonsense',
    '203.0.113.5',
    '203.0.113.5 1 192.0.2.1 x',
    '203.0.113.500 1 192.0.2.1 22',
  ])
    assert.equal(caller(wrong), undefined, wrong)
})

test('where sudo took the variable away, a process that started us has it; the search ends', () => {
  const processes: Record<string, string> = {
    '/proc/30/environ': 'HOME=/root\0XSSH_CONNECTION=198.51.100.1 1 192.0.2.1 22\0',
    '/proc/30/status': 'Name:\tsudo\nPPid:\t20\n',
    '/proc/20/environ': `TERM=xterm\0SSH_CONNECTION=${SSH}\0LANG=C\0`,
  }
  const readText = (path: string) => (path in processes ? { text: processes[path]! } : none())
  assert.deepEqual(findCaller({}, 30, readText), { address: '203.0.113.5', port: 2222 })
  assert.equal(findCaller({}, 40, readText), undefined)
  let reads = 0
  const circle = (path: string) => {
    reads++
    return { text: path.endsWith('status') ? 'PPid:\t7\n' : '' }
  }
  assert.equal(findCaller({}, 7, circle), undefined)
  assert.equal(reads, 32)
})

test('networks behind bridges of containers and virtual machines', () => {
  const at = (address: string, cidr: string | null) => ({ address, cidr }) as never
  const bridges = findBridges({
    eth0: [at('192.0.2.1', '192.0.2.1/24')],
    docker0: [
      at('172.17.0.1', '172.17.0.1/16'),
      at('fe80::1', 'fe80::1/64'),
      at('fd00:17::1', 'fd00:17::1/64'),
    ],
    'br-f12efd60e877': [at('172.18.0.1', null)],
  })
  assert.deepEqual(
    bridges.map(({ name, prefix }) => `${name} ${prefix.text}`),
    ['docker0 172.17.0.0/16', 'docker0 fd00:17::/64'],
  )
})
