/** The world leaves nothing behind, however the test ends. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { start } from '../support/process.ts'
import { type Host, makeWorld } from '../support/world.ts'

const ADDRESSES = { a: ['192.0.2.1/24', '2001:db8::1/64'], b: ['192.0.2.9/24', '2001:db8::9/64'] }

/** Pids whose network namespace is this one. */
function inside(namespace: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/ns/net`) === namespace
    } catch {
      return false // It ended meanwhile.
    }
  })
}

async function links(host: Host): Promise<string[]> {
  const { stdout } = await host.run(['ip', '-o', 'link'])
  return [...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map(match => match[1]!)
}

async function becomes(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  await eventually(what, holds, 5_000)
}

/** What the machine has in its own name; a world must not change it. */
function machine() {
  let names: string[] = []
  try {
    names = readdirSync('/run/netns')
  } catch {}
  return { interfaces: readdirSync('/sys/class/net'), names }
}

test('hosts of a world reach each other at once, by both families', async () => {
  await using world = await makeWorld()
  const [gate, scanner] = [await world.host('gate'), await world.host('scanner')]
  await world.link(gate, scanner, ADDRESSES)
  await scanner.must(['ping', '-c', '1', '-W', '1', '192.0.2.1'])
  await scanner.must(['ping', '-c', '1', '-W', '1', '2001:db8::1'])
})

test('a router between two hosts passes on both families, once told to', async () => {
  await using world = await makeWorld()
  const [inner, router, outer] = [
    await world.host('inner'),
    await world.host('router'),
    await world.host('outer'),
  ]
  const names = await world.link(router, outer, ADDRESSES)
  assert.deepEqual(names, { a: 'to-outer', b: 'to-router' })
  await world.link(router, inner, {
    a: ['198.51.100.1/24', '2001:db8:1::1/64'],
    b: ['198.51.100.2/24', '2001:db8:1::2/64'],
  })
  await inner.route('default', '198.51.100.1')
  await inner.route('::/0', '2001:db8:1::1')
  await outer.route('198.51.100.0/24', '192.0.2.1')
  await outer.route('2001:db8:1::/64', '2001:db8::1')
  const ping = async (to: string) => (await outer.run(['ping', '-c', '1', '-W', '1', to])).code
  assert.equal(await ping('198.51.100.2'), 1)
  await router.forward()
  assert.equal(await ping('198.51.100.2'), 0)
  assert.equal(await ping('2001:db8:1::2'), 0)
})

test('after a world, no process, no namespace, no interface is left', async () => {
  const before = machine()
  await using other = await makeWorld()
  const witness = await other.host('witness')
  let namespace = ''
  {
    await using world = await makeWorld()
    const gate = await world.host('gate')
    namespace = gate.namespace
    await world.link(gate, witness, ADDRESSES)
    await gate.start(['sh', '-c', 'trap "" TERM HUP; setsid sleep 1000 & exec sleep 1000'])
    await becomes('the shell started', () => inside(namespace).length >= 3)
    assert.deepEqual(await links(witness), ['lo', 'to-gate'])
  }
  assert.deepEqual(inside(namespace), [])
  // The other end of a cable goes when the kernel has taken the namespace down, a moment later.
  await becomes('the cable is there', async () => (await links(witness)).join() === 'lo')
  assert.deepEqual(machine(), before)
})

test('a host of a world that is over cannot be entered', async () => {
  const world = await makeWorld()
  const gate = await world.host('gate')
  await world[Symbol.asyncDispose]()
  await assert.rejects(gate.run(['true']), /ENOENT|is gone/)
})

test('after a test that was killed in the middle of its world, nothing is left either', async () => {
  const before = machine()
  await using other = await makeWorld()
  const witness = await other.host('witness')
  const victim = await start([
    process.execPath,
    '--input-type=module',
    '--eval',
    VICTIM,
    String(witness.holder),
  ])
  const namespace = (await victim.says(/^net:.*/))[0]
  await becomes('the processes started', () => inside(namespace).length >= 3)
  assert.deepEqual(await links(witness), ['lo', 'victim'])
  await victim.stop('SIGKILL')
  await becomes('processes are left', () => inside(namespace).length === 0)
  await becomes('the cable is there', async () => (await links(witness)).join() === 'lo')
  assert.deepEqual(machine(), before)
})

/** A test that hangs, with a cable to the witness. */
const VICTIM = `
const { makeWorld } = await import('${new URL('../support/world.ts', import.meta.url)}')
const world = await makeWorld()
const gate = await world.host('gate')
await gate.must(['ip', 'link', 'add', 'up', 'type', 'veth', 'peer', 'name', 'victim', 'netns', process.argv[1]])
await gate.start(['sh', '-c', 'setsid sleep 1000 & exec sleep 1000'])
console.log(gate.namespace)
`
