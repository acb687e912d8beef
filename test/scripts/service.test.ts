/** The unit of systemd: after whoever makes rules, and nothing more than after. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const UNIT = readFileSync('packaging/systemd/flypaperd.service', 'utf8')
const valuesOf = (key: string) =>
  [...UNIT.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(([, value]) => value!.split(' '))

test('it is ordered after the firewall managers and the makers of containers, and starts none of them', () => {
  const after = valuesOf('After')
  for (const name of ['nftables', 'firewalld', 'ufw', 'docker', 'podman', 'libvirtd', 'kubelet'])
    assert.ok(after.includes(`${name}.service`), name)
  assert.equal(new Set(after).size, after.length)
  for (const key of ['Wants', 'Requires', 'Requisite', 'BindsTo', 'PartOf', 'Upholds'])
    assert.deepEqual(valuesOf(key), [], key)
})
