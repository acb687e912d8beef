/** The lists of never_files while the daemon runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrefix } from '../../src/terms/address.ts'
import { fakeWorld, turns, until } from '../support/fake-world.ts'

const FILE = '/lists/cdn.txt'
const TOML = `never = ["203.0.113.7"]\nnever_files = ["${FILE}"]`

function running(text: string) {
  const it = fakeWorld()
  it.files.write(FILE, text)
  it.pass(2000)
  const trap = it.open(TOML)
  const never = () => Object.keys(it.inKernel('flypaper_never'))
  /** Writes it, and looks a minute later. */
  const write = async (text: string | undefined) => {
    if (text === undefined) it.files.remove(FILE)
    else it.files.write(FILE, text)
    await look(60_000)
  }
  /** After so long, until what is found has been taken. */
  const look = async (ms: number) => {
    it.pass(ms)
    trap.refresh()
    await turns()
  }
  return { ...it, trap, never, write, look }
}

test('the lists are in the sets beside what the settings name, and what changes comes and goes', async () => {
  const it = running('192.0.2.0/24\n2001:db8:7::5\n')
  using _ = it.trap
  assert.deepEqual(it.never(), ['192.0.2.0/24', '203.0.113.7'])
  assert.ok(Object.keys(it.inKernel('flypaper_single6')).includes('2001:db8:7::/64'))
  await it.write('192.0.2.0/25\n198.51.100.0/24\n')
  assert.deepEqual(it.never().sort(), ['192.0.2.0/25', '198.51.100.0/24', '203.0.113.7'])
  assert.ok(!Object.keys(it.inKernel('flypaper_single6')).includes('2001:db8:7::/64'))
  const before = it.firewall.transactions.length
  await it.look(60_000)
  const asked = it.firewall.transactions.slice(before).flat()
  assert.ok(
    !asked.some(change => 'set' in change && /never|single/.test(change.set)),
    'nothing is written that is there',
  )
})

test('what is wrong or gone is said once, and leaves in force what was; also the next one that is wrong', async () => {
  const it = running('192.0.2.0/24\n')
  using _ = it.trap
  const warnings = () => it.said.filter(line => line.startsWith('warning: what never_files'))
  await it.write('192.0.2.0/24\nno prefix\n')
  await it.write('192.0.2.0/24\nno prefix\n')
  assert.equal(warnings().length, 2, 'each time that it was written')
  await it.look(60_000)
  await it.write(undefined)
  await it.look(60_000)
  assert.equal(warnings().length, 3)
  assert.match(warnings()[0]!, /\/lists\/cdn\.txt:2:1: "no prefix"/)
  assert.match(warnings()[2]!, /there is no such file/)
  assert.deepEqual(it.never(), ['192.0.2.0/24', '203.0.113.7'])
  await it.write('198.51.100.0/24\n')
  assert.deepEqual(it.never().sort(), ['198.51.100.0/24', '203.0.113.7'])
})

test('what was written just now may be half of it: it is taken at the look after', async () => {
  const it = running('192.0.2.0/24\n')
  using _ = it.trap
  it.files.write(FILE, '192.0.2.0/2')
  await it.look(500)
  assert.deepEqual(it.never(), ['192.0.2.0/24', '203.0.113.7'])
  assert.ok(!it.said.some(line => /no prefix|wider/.test(line)))
  it.files.write(FILE, '192.0.2.0/25\n')
  await it.look(1500)
  assert.deepEqual(it.never().sort(), ['192.0.2.0/25', '203.0.113.7'])
})

test('a fly that a list names from now on is free, one beside it stays', async () => {
  const it = running('192.0.2.0/24\n')
  using trap = it.trap
  const flies = ['198.51.100.7', '198.51.101.7', '2001:db8:9::/64']
  trap.lock(
    flies.map(fly => ({ prefix: parsePrefix(fly)!, length: 'forever' as const })),
    { by: 'root', force: false },
  )
  await it.write('198.51.100.0/24\n2001:db8:9::5\n')
  await until(() => !Object.keys(it.inKernel('flypaper6')).includes('2001:db8:9::'))
  await turns()
  assert.deepEqual(Object.keys(it.inKernel('flypaper')), ['198.51.101.7'])
})

test('the kernel refuses the difference: the trap is armed again, with all of the list', async () => {
  const it = running('192.0.2.0/24\n')
  using _ = it.trap
  it.firewall.others.delete('flypaper_never', '192.0.2.0/24')
  await it.write('198.51.100.0/24\n')
  await until(() => it.never().includes('198.51.100.0/24'))
  assert.deepEqual(it.never().sort(), ['198.51.100.0/24', '203.0.113.7'])
  assert.equal(it.eventsOf('rearmed').length, 1)
})

test('a reload reads them, or is refused with what is wrong in them', async () => {
  const it = running('192.0.2.0/24\n')
  using trap = it.trap
  it.files.write(FILE, '198.51.100.0/24\n')
  await trap.reload(it.settings(TOML))
  assert.deepEqual(it.never().sort(), ['198.51.100.0/24', '203.0.113.7'])
  it.files.write(FILE, 'x\n')
  assert.throws(() => it.settings(TOML), /cdn\.txt:1:1/)
  await trap.reload(it.settings('never = ["203.0.113.7"]'))
  assert.deepEqual(it.never(), ['203.0.113.7'])
})

/** Nothing is read until `goOn`. */
function hang({ files }: ReturnType<typeof fakeWorld>) {
  const { promise, resolve } = Promise.withResolvers<void>()
  files.hang = promise
  return {
    async goOn() {
      files.hang = undefined
      resolve()
      await turns()
    },
  }
}

test('while they do not answer the daemon goes on with what they said, tells so once, and takes them when they do', async t => {
  const it = running('192.0.2.0/24\n')
  using trap = it.trap
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const disk = hang(it)
  await it.write('198.51.100.0/24\n')
  t.mock.timers.tick(1999)
  assert.equal(trap.neverFilesHangSince, undefined, 'a busy disk is nothing to tell')
  t.mock.timers.tick(1)
  assert.equal(trap.neverFilesHangSince, it.now())
  await it.look(60_000)
  await it.look(60_000)
  const told = it.said.filter(line => /hang/.test(line))
  assert.equal(told.length, 1)
  assert.match(told[0]!, /^error: the files of never_files hang since 2026-\S+: .* \/lists\/cdn\.txt;/)
  assert.deepEqual(it.never(), ['192.0.2.0/24', '203.0.113.7'])
  trap.lock([{ prefix: parsePrefix('203.0.113.9')!, length: 'forever' }], { by: 'root', force: false })
  assert.deepEqual(Object.keys(it.inKernel('flypaper')), ['203.0.113.9'], 'locking out goes on')

  await disk.goOn()
  assert.equal(trap.neverFilesHangSince, undefined)
  assert.equal(it.said.at(-1), 'warning: the files of never_files answer again')
  assert.deepEqual(it.never().sort(), ['198.51.100.0/24', '203.0.113.7'])
})

test('a reload that names others counts, whatever the look before it finds at last; and the files are looked at again', async () => {
  const it = running('192.0.2.0/24\n')
  using trap = it.trap
  const disk = hang(it)
  await it.write('198.51.100.0/24\n')
  await trap.reload(it.settings(TOML.replace('203.0.113.7', '203.0.113.8')))
  assert.deepEqual(it.never().sort(), ['198.51.100.0/24', '203.0.113.8'])
  it.files.write(FILE, '192.0.2.0/25\n')
  it.pass(2000)
  await disk.goOn()
  assert.deepEqual(it.never().sort(), ['198.51.100.0/24', '203.0.113.8'], 'the old look has no say')
  await it.look(60_000)
  assert.deepEqual(it.never().sort(), ['192.0.2.0/25', '203.0.113.8'])
})

test('a daemon that ends while they do not answer says nothing more', async () => {
  const it = running('192.0.2.0/24\n')
  const disk = hang(it)
  await it.write('198.51.100.0/24\n')
  it.trap[Symbol.dispose]()
  const before = [it.said.length, it.firewall.transactions.length]
  await disk.goOn()
  assert.deepEqual([it.said.length, it.firewall.transactions.length], before)
})
