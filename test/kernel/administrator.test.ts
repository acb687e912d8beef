/** The administrator's own things: they are the same after stop, and his nftables.conf loads with us and without. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { send } from '../support/sender.ts'
import { type Host, makeWorld } from '../support/world.ts'

const HIS_OWN = `
table inet filter {
  comment "his table"
  set friends { type ipv4_addr; flags interval; auto-merge; comment "friends"; elements = { 198.51.100.0/24 } }
  map ports { type inet_service : verdict; elements = { 22 : accept, 25 : drop } }
  counter web { }
  chain helper { ip saddr @friends accept comment "the office"
  }
  chain input {
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state established,related accept
    jump helper
    tcp dport vmap @ports
    tcp dport 80 counter name "web" accept
    HIS_JUMP
  }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain output { type filter hook output priority filter; policy accept; }
}
table ip nat { chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" masquerade
  }
}
`

/** The entrance, which he may jump to in any way that nft knows. */
const DECLARED = `
table inet filter {
  chain flypaper_input { }
  map reach { type inet_service : verdict; elements = { 81 : goto flypaper_input } }
}
`

/** /etc/nftables.conf of Debian 12, after `flush ruleset`. */
const STOCK = `
table inet filter {
	chain input {
		type filter hook input priority filter;
	}
	chain forward {
		type filter hook forward priority filter;
	}
	chain output {
		type filter hook output priority filter;
	}
}
`

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  return { world, gate, scanner }
}

const ruleset = (host: Host) => host.must(['nft', '-s', 'list', 'ruleset'])
const flies = (host: Host) => host.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper'])

/** Without the blocks of objects that are ours, which may follow each other or stand between others. */
function withoutOurs(listing: string): string {
  return listing
    .replace(/^\t(set|chain) flypaper\w* \{\n(\t\t.*\n|\n)*?\t\}\n\n?/gm, '')
    .replace(/\n+(?=\})/g, '\n')
}

for (const [how, settings, jump] of [
  ['start appends the jumps', '[chains]\ninput = ["input"]\nforward = ["forward"]', ''],
  ['he jumps himself', 'closed = "unmatched"', 'jump flypaper_input'],
  ['he jumps by a verdict map', 'closed = "unmatched"', 'tcp dport vmap { 1-1023 : jump flypaper_input }'],
  ['he jumps by a named verdict map', 'closed = "unmatched"', 'tcp dport vmap @reach'],
  ['without any jump', 'closed = "listening"', ''],
] as const) {
  test(`his ruleset is the same after stop: ${how}`, async () => {
    const { world, gate, scanner } = await gateAndScanner()
    await using _ = world
    const declared = jump === '' ? '' : DECLARED
    await gate.nft(declared + HIS_OWN.replace('HIS_JUMP', jump))
    const before = await ruleset(gate)
    using flypaperd = install(gate, settings)

    const first = await flypaperd.start()
    const armed = await ruleset(gate)
    assert.match(armed, /chain flypaper_early/)
    const appended = /^.* comment "flypaperd: appended by start.*\n/gm
    assert.equal(withoutOurs(armed.replace(appended, '')), withoutOurs(before), 'and while armed')
    assert.equal((await flypaperd.run('status')).code, 0, 'his way into the trap is seen')
    if (how.startsWith('start'))
      assert.match(armed, /jump flypaper_input comment "flypaperd: appended by start/)
    await flypaperd.must('stop')
    await first.ended
    assert.equal(await ruleset(gate), before, 'without flies nothing of ours is left')

    const second = await flypaperd.start()
    await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
    await second.says(/lockout 192\.0\.2\.9/)
    await flypaperd.must('stop')
    const after = await ruleset(gate)
    assert.equal(withoutOurs(after), withoutOurs(before))
    const left = [...after.matchAll(/^\t(?:set|chain) (flypaper\w*)/gm)].map(([, name]) => name)
    assert.deepEqual(left.sort(), ['flypaper', 'flypaper6', ...(jump === '' ? [] : ['flypaper_input'])])

    await flypaperd.must('flush')
    await flypaperd.start()
    await flypaperd.must('stop')
    assert.equal(await ruleset(gate), before, 'when the flies are gone, so are their sets')
  })
}

test('a table of ours alone goes with us, his stays', async () => {
  const { world, gate } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  await flypaperd.start()
  await flypaperd.must('stop')
  assert.equal(await ruleset(gate), '')
  await gate.nft('table inet filter { chain input { }\n}')
  const before = await ruleset(gate)
  await flypaperd.start()
  await flypaperd.must('stop')
  assert.equal(await ruleset(gate), before)
})

test('the documented nftables.conf loads with us, without us, and after stop', async t => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-conf-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const included = join(directory, 'flypaperd')
  const conf = join(directory, 'nftables.conf')
  const documented = /```nft\n([\s\S]*?)```/.exec(readFileSync('docs/nftables-conf.md', 'utf8'))![1]!
  writeFileSync(conf, documented.replace('/var/lib/flypaperd', included))
  // Debian's stock file with the documented lines in it, and nothing else, loads whenever the whole example does.
  const lines = documented.slice(0, documented.indexOf('table inet filter {\n\tchain input'))
  const stock = join(directory, 'stock.conf')
  writeFileSync(stock, lines.replace('/var/lib/flypaperd', included) + STOCK)
  const load = async () => {
    await gate.must(['nft', '-f', stock])
    assert.match(await ruleset(gate), /chain flypaper_forward[\s\S]*chain output/)
    await gate.must(['nft', '-f', conf])
  }
  using flypaperd = install(gate, 'closed = "unmatched"')

  await load() // flypaperd was never here: not even the directory is
  mkdirSync(included)
  await load()
  writeFileSync(join(included, 'boot.nft'), await flypaperd.must('generate', '--boot'))
  await load()
  assert.match(await ruleset(gate), /chain flypaper_early[\s\S]*goto flypaper_stuck/)

  const daemon = await flypaperd.start()
  assert.match((await flypaperd.run('status')).stdout, /input: +OK \(jump at chain input\)/)
  await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.9/)

  // The file loads while the daemon runs, which puts everything back.
  await load()
  await daemon.says(/armed again/)
  await eventually('the fly is back', async () => /192\.0\.2\.9/.test(await flies(gate)))
  await flypaperd.must('stop')
  await daemon.ended
  await load() // after stop
  rmSync(included, { recursive: true })
  await load() // after purge
  assert.match(await ruleset(gate), /jump flypaper_input/)
})

test('the file of generate may be loaded while the trap is armed: no fly is lost, and it catches on', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate, 'capture = "log"')
  const daemon = await flypaperd.start()
  await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.9/)
  const armed = await ruleset(gate)
  const text = await flypaperd.must('generate')
  for (let i = 0; i < 3; i++) await gate.nft(text)
  const sets = /^\t\telements = .*\n/gm
  // The daemon arms again meanwhile: a listing of that moment shows both, the rules that go and those that come.
  const isAsBefore = async () => (await ruleset(gate)).replace(sets, '') === armed.replace(sets, '')
  await eventually('the ruleset is as before', isAsBefore)
  assert.match(await flies(gate), /192\.0\.2\.9/)
  await send(scanner, { bursts: [[{ source: '192.0.2.10', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 192\.0\.2\.10,/)
})

test('restart takes the jumps along that the settings name no more', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const base = (name: string) => `chain ${name} { type filter hook ${name} priority filter; policy drop;\n}\n`
  await gate.nft(`table inet filter {\n${base('input')}chain guests { }\n${base('forward')}}`)
  const before = await ruleset(gate)
  const jumps = async () =>
    [...(await ruleset(gate)).matchAll(/^\t\tjump (\w+) comment "flypaperd: appended/gm)].map(([, to]) => to)
  using flypaperd = install(gate, '[chains]\ninput = ["input", "guests", "input"]\nforward = ["forward"]')
  const first = await flypaperd.start()
  assert.deepEqual(await jumps(), ['flypaper_input', 'flypaper_input', 'flypaper_forward'])
  flypaperd.settings('[chains]\ninput = ["input"]')
  const second = await flypaperd.start('restart')
  await first.ended
  assert.deepEqual(await jumps(), ['flypaper_input'])
  await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: '192.0.2.1', tcp: 81 }]], wait: 0 })
  await second.says(/lockout 192\.0\.2\.9,/)
  await flypaperd.must('flush')
  await flypaperd.must('stop')
  await second.ended
  assert.equal(await ruleset(gate), before)
})
