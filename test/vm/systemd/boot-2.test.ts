/** After the reboot: flies kept, innocents spared; then stop, remove and purge. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { CLIENT, code, FLY, inSet, makeScanner, serve, sh, unit, until } from './gate.ts'

const scanner = await makeScanner()
after(() => scanner[Symbol.asyncDispose]())

test('it started at boot; no client of a service that starts late is stuck', async () => {
  await until('it is active', async () => (await unit('ActiveState')).ActiveState === 'active')
  // In a container the uptime is that of the machine around it, which may have booted long ago.
  const hasBooted = (await code('systemd-detect-virt --quiet --container')) !== 0
  if (hasBooted) assert.equal(await scanner.connect(CLIENT, 22), 'refused')
  await serve(22)
  assert.equal(await scanner.connect(CLIENT, 22), 'open')
  assert.ok(!(await inSet(CLIENT)))
})

test('the fly is stuck still', async () => {
  assert.ok(await inSet(FLY))
  assert.equal(await scanner.connect(FLY, 22), 'silent')
})

test('systemctl stop: the lines of status', async () => {
  await sh('systemctl stop flypaperd')
  const lines = (await sh('flypaperd status || [ $? = 3 ]')).trim().split('\n').slice(1)
  assert.deepEqual(
    lines.map(line => line.replace(/ {2,}/, ' ')),
    [
      'flypaper set: OK (1 fly)',
      'integration into input: Missing',
      'integration into forward: Missing',
      'process: Missing',
      'queue or NFLOG statement: Missing',
    ],
  )
  assert.equal(await scanner.connect(FLY, 22), 'open', 'disarmed')
})

test('remove, also of what a killed daemon left armed: the firewall is what the file says', async () => {
  await sh('systemctl start flypaperd && systemctl kill --kill-whom=main -s USR2 flypaperd')
  await until('it has left', async () => (await unit('ActiveState')).ActiveState === 'inactive')
  assert.equal(await code('nft list chain inet filter flypaper_early'), 0, 'armed')
  await sh('dpkg -r flypaperd')
  assert.equal(await scanner.connect(FLY, 22), 'open', 'disarmed')
  await sh('nft -f /etc/nftables.conf')
})

test('purge: what is left is the user, and what the administrator made', async () => {
  await sh('dpkg -P flypaperd')
  const left =
    'find / -xdev -name "*flypaper*" -not -path "/root/*" -not -path "/host/*" -not -path "/tmp/*" -not -path "/proc/*"'
  assert.equal(await sh(left), '/etc/nftables.d/flypaper.nft\n')
  await sh('rm /etc/nftables.d/flypaper.nft')
  assert.match(await sh('getent passwd flypaperd'), /nologin/)
})
