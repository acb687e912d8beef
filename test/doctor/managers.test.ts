import assert from 'node:assert/strict'
import { test } from 'node:test'
import { managersOf } from '../../src/doctor/managers.ts'
import { findLegacy, findTraces } from '../../src/doctor/traces.ts'
import { both, byHand, facts, recorded, sight, statements } from './facts.ts'

const found = (ruleset: Parameters<typeof both>[0], rest = {}) =>
  managersOf(facts({ sight: sight({ ruleset }), ...rest })).map(
    ({ manager, tables }) => `${manager}: ${tables.join(', ')}`,
  )

test('each manager is known by what Debian’s package of it has loaded', () => {
  assert.deepEqual(found(recorded('stock')), ['nftables: inet filter'])
  assert.deepEqual(found(recorded('iptables-nft')), ['iptables-nft: ip filter, ip6 filter'])
  assert.deepEqual(found(recorded('ufw')), ['ufw: ip filter, ip6 filter'])
  assert.deepEqual(found(recorded('firewalld')), ['firewalld: inet firewalld'])
  assert.deepEqual(found(recorded('docker')), ['docker: ip nat, ip filter'])
})

test('several at once, and rules by hand beside those of a manager', () => {
  const ssh = {
    family: 'ip',
    table: 'filter',
    chain: 'INPUT',
    expr: [statements.dport(22), statements.ACCEPT],
  }
  const docker = recorded('docker')
  assert.deepEqual(found({ ...docker, rules: [...docker.rules, ssh] }), [
    'iptables-nft: ip filter',
    'docker: ip nat, ip filter',
  ])
  assert.deepEqual(found(both(recorded('firewalld'), docker)), [
    'firewalld: inet firewalld',
    'docker: ip nat, ip filter',
  ])
})

test('names that were written down from documentation: fail2ban, CrowdSec, Podman, libvirt, kube-proxy', () => {
  const table = (family: string, name: string, chain: string) => ({
    tables: [{ family, table: name }],
    chains: [{ family, table: name, name: chain }],
    rules: [],
  })
  assert.deepEqual(found(table('inet', 'f2b-table', 'f2b-chain')), ['fail2ban: inet f2b-table'])
  assert.deepEqual(found(table('ip', 'crowdsec', 'crowdsec-chain-input')), ['crowdsec: ip crowdsec'])
  assert.deepEqual(found(table('ip6', 'crowdsec6', 'crowdsec6-chain')), ['crowdsec: ip6 crowdsec6'])
  assert.deepEqual(found(table('inet', 'netavark', 'FORWARD')), ['podman: inet netavark'])
  assert.deepEqual(found(table('ip', 'libvirt_network', 'forward')), ['libvirt: ip libvirt_network'])
  assert.deepEqual(found(table('ip', 'kube-proxy', 'services')), ['kubernetes: ip kube-proxy'])
})

test('our own table is nobody’s firewall; a chain of somebody in it is', () => {
  const where = { family: 'inet', table: 'filter' }
  const ours = {
    tables: [where],
    chains: [{ ...where, name: 'flypaper_early', hook: 'prerouting' }],
    rules: [],
  }
  assert.deepEqual(found(ours), [])
  assert.deepEqual(found(both(ours, byHand('drop', []))), ['nftables: inet filter'])
})

test('files speak where rules do not; the tables of iptables-legacy are in /proc', () => {
  const files: Record<string, string> = {
    '/etc/ufw/ufw.conf': '# ufw\nENABLED=yes\nLOGLEVEL=low\n',
    '/run/docker.pid': '4711',
    '/proc/net/ip_tables_names': 'nat\nfilter\n',
  }
  const readText = (path: string) =>
    path in files ? { text: files[path]! } : ({ unreadable: 'missing', because: '' } as const)
  const traces = findTraces(readText)
  assert.deepEqual(
    traces.map(({ manager }) => manager),
    ['ufw', 'docker'],
  )
  assert.deepEqual(
    findTraces(() => ({ text: 'ENABLED=no\n' })).map(({ manager }) => manager),
    ['nftables'],
  )
  const legacy = findLegacy(readText)
  assert.deepEqual(legacy, [
    { family: 'ip', table: 'nat' },
    { family: 'ip', table: 'filter' },
  ])
  assert.deepEqual(found({ tables: [], chains: [], rules: [] }, { traces, legacy }), [
    'iptables-legacy: ip nat, ip filter',
    'ufw: ',
    'docker: ',
  ])
})
