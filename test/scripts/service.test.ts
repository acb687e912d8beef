/** The unit of systemd: after whoever makes rules, and nothing more than after. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run } from '../support/process.ts'

const UNIT = readFileSync('packaging/systemd/flypaperd.service', 'utf8')
const OUTSIDE = readFileSync('packaging/systemd/flypaperd-outside.service', 'utf8')
const valuesOf = (key: string, unit = UNIT) =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(([, value]) => value!.split(' '))

test('it is ordered after the firewall managers and the makers of containers, and starts none of them', () => {
  const after = valuesOf('After')
  for (const name of ['nftables', 'firewalld', 'ufw', 'docker', 'podman', 'libvirtd', 'kubelet'])
    assert.ok(after.includes(`${name}.service`), name)
  assert.equal(new Set(after).size, after.length)
  for (const key of ['Wants', 'Requires', 'Requisite', 'BindsTo', 'PartOf', 'Upholds'])
    assert.deepEqual(valuesOf(key), [], key)
})

test('notifications: another user without any capability, who may use the internet, and needs nobody to be there', () => {
  assert.deepEqual(valuesOf('User', OUTSIDE), ['flypaperd-outside'])
  assert.notDeepEqual(valuesOf('User', OUTSIDE), valuesOf('User'))
  assert.deepEqual(valuesOf('CapabilityBoundingSet', OUTSIDE), [''])
  assert.deepEqual(valuesOf('AmbientCapabilities', OUTSIDE), [])
  assert.ok(valuesOf('RestrictAddressFamilies', OUTSIDE).includes('AF_INET6'))
  assert.deepEqual(
    valuesOf('RestrictAddressFamilies'),
    ['AF_NETLINK', 'AF_UNIX'],
    'the daemon has none of it',
  )
  for (const key of ['Requires', 'Requisite', 'BindsTo', 'PartOf'])
    assert.deepEqual(valuesOf(key, OUTSIDE), [], key)
  for (const status of ['64', '77', '78'])
    assert.ok(valuesOf('RestartPreventExitStatus', OUTSIDE).includes(status))
})

test('its exposure is at most 3, as systemd counts it', async t => {
  // Programs are looked for, and are not there in a checkout.
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-unit-'))
  after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'flypaperd-outside.service')
  writeFileSync(file, OUTSIDE.replace('/usr/lib/flypaperd/node', '/bin/true'))
  const { code, stdout, stderr } = await run([
    'systemd-analyze',
    'security',
    '--offline=true',
    '--no-pager',
    file,
  ]).catch(() => ({ code: 127, stdout: '', stderr: '' }))
  if (code === 127) return t.skip('outside CI: systemd-analyze is not installed')
  const [, exposure] = /exposure level for flypaperd-outside.service: ([\d.]+)/.exec(stdout) ?? []
  assert.ok(Number(exposure) <= 3, `${stdout}${stderr}`)
})
