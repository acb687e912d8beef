/** After purge and reboot: the administrator's firewall, and nothing of ours. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { code, FLY, makeScanner, serve, sh } from './gate.ts'

const scanner = await makeScanner()
after(() => scanner[Symbol.asyncDispose]())

test('the firewall is the one in nftables.conf', async () => {
  assert.equal((await sh('systemctl is-active nftables')).trim(), 'active')
  const loaded = await sh('nft list ruleset')
  await sh('nft -f /etc/nftables.conf')
  assert.equal(await sh('nft list ruleset'), loaded)
  assert.doesNotMatch(loaded, /set flypaper|flypaper_(early|judge|offence)/)
  assert.match(readFileSync('/etc/nftables.conf', 'utf8'), /jump flypaper_input/)
})

test('who was a fly is answered; the firewall stands', async () => {
  await serve(22)
  await serve(2222)
  assert.equal(await scanner.connect(FLY, 22), 'open')
  assert.equal(await scanner.connect(FLY, 2222), 'silent', 'not in nftables.conf')
})

test('no program, no unit, no state', async () => {
  assert.equal(await code('command -v flypaperd || systemctl cat flypaperd'), 1)
  assert.equal(await code('ls -d /var/lib/flypaperd /etc/flypaperd /usr/lib/flypaperd /run/flypaperd'), 2)
})
