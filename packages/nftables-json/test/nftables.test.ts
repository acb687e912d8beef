/** The library against the real kernel. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { beforeEach, test } from 'node:test'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import {
  type Command,
  forget,
  type NewElement,
  NftablesError,
  type NftablesErrorCode,
  openNftables,
  put,
} from '../src/index.ts'

const inTable = { family: 'inet', table: 't' } as const
const id = { ...inTable, name: 's' }
const wide = { ...inTable, name: 'wide' }
const ruleset = `
  table inet t {
    set s { type ipv4_addr; flags timeout; size 4; }
    set wide { type ipv4_addr; flags timeout; }
    set nets { type ipv4_addr; flags interval; }
    set pairs { type inet_proto . inet_service; flags timeout; }
    chain target { }
    chain early {
      type filter hook prerouting priority -450; policy accept;
      ip saddr @s drop comment "a fly"
    }
  }
`
const add = (...elem: NewElement[]): Command => ({ add: { element: { ...id, elem } } })
const nft = (...args: string[]) => execFileSync('nft', args, { encoding: 'utf8' })

function throwsCode(code: NftablesErrorCode, action: () => unknown): void {
  assert.throws(action, (error: unknown) => error instanceof NftablesError && error.code === code)
}

describeInNamespace(import.meta.url, () => {
  beforeEach(() => nft('flush', 'ruleset'))

  test('elements: added, listed with the time that is left, put anew, forgotten', () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    nftables.run([
      add('192.0.2.1', { elem: { val: '192.0.2.2', timeout: 600, expires: 500, comment: 'seen' } }),
    ])
    const listed = () =>
      nftables.listElements('inet', 't', 's').toSorted((a, b) => String(a.val).localeCompare(String(b.val)))

    const [first, second] = listed()
    assert.deepEqual(first, { val: '192.0.2.1' })
    assert.deepEqual([second?.timeout, second?.comment], [600, 'seen'])
    assert.ok(second!.expires! <= 500 && second!.expires! >= 495, `expires ${second?.expires}`)

    nftables.run(put(id, [{ elem: { val: '192.0.2.2', timeout: 60 } }]))
    assert.equal(listed()[1]?.timeout, 60)
    nftables.run(forget(id, ['192.0.2.2', '192.0.2.3']))
    assert.deepEqual(listed(), [{ val: '192.0.2.1' }])
    nftables.run([{ flush: { set: id } }])
    assert.deepEqual(listed(), [])
  })

  test('prefixes, ranges and concatenations come back as they went in', () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    const nets = [
      { prefix: { addr: '10.0.0.0', len: 8 } },
      { range: ['11.0.0.1', '11.0.0.7'] as [string, string] },
    ]
    const pair = { concat: [6, 443] }
    nftables.run([
      { add: { element: { ...inTable, name: 'nets', elem: nets } } },
      { add: { element: { ...inTable, name: 'pairs', elem: [pair] } } },
    ])
    assert.deepEqual(
      nftables.listElements('inet', 't', 'nets'),
      nets.map(val => ({ val })),
    )
    assert.deepEqual(nftables.listElements('inet', 't', 'pairs'), [{ val: pair }])
  })

  test('tables, sets, chains and rules are made, listed and deleted', () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    const set = {
      ...inTable,
      name: 'u',
      type: 'ipv4_addr' as const,
      flags: ['timeout' as const],
      size: 9,
      timeout: 30,
    }
    const base = { ...inTable, name: 'b', type: 'filter', hook: 'input', prio: 5, policy: 'accept' } as const
    const jump = {
      ...inTable,
      chain: 'b',
      comment: 'flypaperd: our jump',
      expr: [{ jump: { target: 'target' } }],
    }
    nftables.run([
      { add: { table: { family: 'ip6', name: 'mine' } } },
      { add: { set } },
      { add: { chain: base } },
      { add: { rule: jump } },
    ])
    const objects = nftables.listTable('inet', 't')
    const named = (name: string) => objects.find(object => 'name' in object && object.name === name)
    assert.partialDeepStrictEqual(named('u'), { kind: 'set', ...set })
    assert.partialDeepStrictEqual(named('b'), { kind: 'chain', ...base })
    assert.partialDeepStrictEqual(named('early'), { kind: 'chain', hook: 'prerouting', prio: -450 })
    const rule = objects.find(object => object.kind === 'rule' && object.comment === jump.comment)
    assert.partialDeepStrictEqual(rule, { kind: 'rule', ...jump })
    assert.ok(rule?.kind === 'rule')

    nftables.run([
      { delete: { rule: { ...inTable, chain: 'b', handle: rule.handle } } },
      { delete: { chain: { ...inTable, name: 'b' } } },
      { flush: { chain: { ...inTable, name: 'early' } } },
      { delete: { set: id } },
      { delete: { set: { ...inTable, name: 'u' } } },
      { delete: { table: { family: 'ip6', name: 'mine' } } },
    ])
    const left = nftables.listRuleset().map(object => ('name' in object ? object.name : object.kind))
    assert.deepEqual(left, ['t', 'wide', 'nets', 'pairs', 'target', 'early'])
  })

  test('a listing is terse, and of the asked table only', () => {
    using nftables = openNftables()
    nftables.load(`${ruleset}\ntable inet other { chain c { }\n }`)
    nftables.run([add('192.0.2.1')])
    const objects = nftables.listTable('inet', 't')
    assert.ok(!JSON.stringify(objects).includes('192.0.2.1'))
    assert.ok(!JSON.stringify(objects).includes('other'))
    assert.ok(JSON.stringify(nftables.listRuleset()).includes('other'))
  })

  test('a chain is listed without a word of its table, also when that has a flag', () => {
    using nftables = openNftables()
    nftables.load(`table inet asleep { flags dormant
      set s { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } ; }
      chain first { tcp dport { 22, 80-90 } drop
      }
      chain second { ip saddr @s accept
      }
    }
    table arp beside { }`)
    for (const quiet of ['arp', 'ip6', null] as const) {
      const objects = nftables.listChain('inet', 'asleep', 'first', { quiet })
      assert.deepEqual(
        objects.map(({ kind }) => kind),
        ['chain', 'rule'],
      )
      assert.match(
        JSON.stringify(objects),
        /"set":\[22,\{"range":\[80,90\]\}\]/,
        'what stands in the rule is told',
      )
      assert.match(JSON.stringify(nftables.listChain('inet', 'asleep', 'second', { quiet })), /"@s"/)
    }
    throwsCode('missing', () => nftables.listChain('inet', 'asleep', 'third'))
    const [, major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(nftables.version ?? '')!.map(Number)
    assert.equal(nftables.listsFlaggedTables, major! * 10_000 + minor! * 100 + patch! >= 10_007)
  })

  test('a transaction is all or nothing', () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    throwsCode('missing', () =>
      nftables.run([add('192.0.2.1'), { delete: { element: { ...id, elem: ['192.0.2.9'] } } }]),
    )
    throwsCode('refused', () => nftables.load('add table inet u; nonsense'))
    throwsCode('missing', () => nftables.load('add table inet u; add rule inet t early jump nowhere'))
    assert.deepEqual(nftables.listElements('inet', 't', 's'), [])
    throwsCode('missing', () => nftables.listTable('inet', 'u'))
  })

  test('check says what load would say, and changes nothing', () => {
    using nftables = openNftables()
    nftables.check(ruleset)
    throwsCode('missing', () => nftables.check('add chain inet t c'))
    throwsCode('refused', () => nftables.check('table inet t { nonsense }'))
    assert.deepEqual(nftables.listRuleset(), [])
    nftables.load(ruleset)
    assert.equal(nftables.listTable('inet', 't').length > 0, true, 'load after check is no dry run')
  })

  test('each refusal of the kernel has its code', () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    throwsCode('missing', () => nftables.listElements('inet', 't', 'nope'))
    throwsCode('missing', () =>
      nftables.run([{ delete: { rule: { ...inTable, chain: 'early', handle: 999 } } }]),
    )
    throwsCode('busy', () => nftables.run([{ delete: { set: id } }]))
    throwsCode('exists', () => nftables.load('create table inet t'))
    nftables.run([add('192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4')])
    throwsCode('set-full', () => nftables.run([add('192.0.2.5')]))
    throwsCode('set-full', () => nftables.run(forget(id, ['192.0.2.5'])))
    nftables.run(forget(id, ['192.0.2.4']))
    nftables.run(put(id, [{ elem: { val: '192.0.2.3', timeout: 5 } }]))
    assert.equal(nftables.listElements('inet', 't', 's').length, 3)
  })

  test('a stranger’s words are refused before they reach libnftables', () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    const before = nft('list', 'ruleset')
    for (const word of ['192.0.2.1; flush ruleset', 'localhost', '192.0.2.1\n'])
      throwsCode('invalid', () => nftables.run([add(word)]))
    throwsCode('invalid', () => nftables.listElements('inet', 't', 's; flush ruleset'))
    throwsCode('invalid', () => nftables.listTable('inet', 't\n'))
    throwsCode('invalid', () => nftables.load('flush\0 ruleset'))
    assert.equal(nft('list', 'ruleset'), before)
  })

  test('asynchronous transactions run one after the other, and no synchronous one beside them', async () => {
    using nftables = openNftables()
    nftables.load(ruleset)
    const elem = Array.from({ length: 5000 }, (_, i) => ({
      elem: { val: `10.0.${i >> 8}.${i & 255}`, timeout: 600 },
    }))
    let ticks = 0
    const ticking = setInterval(() => ticks++, 1)
    const first = nftables.runAsync([{ add: { element: { ...wide, elem } } }])
    const failing = nftables.runAsync([{ delete: { element: { ...wide, elem: ['192.0.2.9'] } } }])
    const last = nftables.runAsync(forget(wide, elem.slice(1)))
    throwsCode('in-use', () => nftables.listRuleset())
    throwsCode('in-use', () => nftables.run([add('192.0.2.1')]))
    const results = await Promise.allSettled([first, failing, last])
    clearInterval(ticking)
    assert.deepEqual(
      results.map(result => (result.status === 'fulfilled' ? 'ok' : result.reason.code)),
      ['ok', 'missing', 'ok'],
    )
    assert.ok(ticks > 1, 'the event loop went on')
    assert.deepEqual(
      nftables.listElements('inet', 't', 'wide').map(element => element.val),
      ['10.0.0.0'],
    )
    await assert.rejects(nftables.runAsync([add('localhost')]), { code: 'invalid' })
  })

  test('releasing waits for what runs, rejects what waits, and is final', async () => {
    const nftables = openNftables()
    nftables.load(ruleset)
    const elem = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    const running = nftables.runAsync([{ add: { element: { ...wide, elem } } }])
    const waiting = nftables.runAsync([add('192.0.2.1')])
    await Promise.resolve() // the first one has started
    nftables[Symbol.dispose]()
    nftables[Symbol.dispose]()
    await running
    await assert.rejects(waiting, { code: 'closed' })
    throwsCode('closed', () => nftables.listRuleset())
    await assert.rejects(nftables.runAsync([]), { code: 'closed' })
    assert.equal(nft('list', 'set', 'inet', 't', 'wide').includes('10.0.7.207'), true)
    assert.equal(nft('list', 'set', 'inet', 't', 's').includes('192.0.2.1'), false)
  })

  test('two contexts do not know of each other', () => {
    using one = openNftables()
    using other = openNftables()
    one.load(ruleset)
    assert.equal(other.listRuleset().length, one.listRuleset().length)
    assert.match(other.version ?? '', /^\d+\.\d+/)
  })

  test('signals do not make a transaction fail', () => {
    // Unless they are blocked, about one of fifty that are done says EINTR.
    const program = `
      import { Worker } from 'node:worker_threads'
      const came = new Promise(resolve => process.on('SIGUSR2', resolve))
      const storm = new Worker('for (;;) process.kill(' + process.pid + ', "SIGUSR2")', { eval: true })
      await new Promise(resolve => storm.once('online', resolve))
      using nftables = openNftables()
      const rules = 'ip saddr 192.0.2.1 drop\\n'.repeat(200)
      const failed = []
      for (let run = 0; run < 500; run++)
        try {
          nftables.load('table inet storm { chain c {\\n' + rules + '}\\n}')
          nftables.load('delete table inet storm')
        } catch (error) {
          failed.push(error.text)
        }
      await came
      console.log(failed.join() || 'none failed')
      process.exit()
    `
    assert.equal(runProgram(program), 'none failed')
  })

  test('a library that is not there, or is another one', () => {
    throwsCode('no-library', () => openNftables({ library: 'libnftables.so.404' }))
    throwsCode('no-library', () => openNftables({ library: 'libc.so.6' }))
  })

  test('without CAP_NET_ADMIN: no-permission, and no version', () => {
    const program = `
      using nftables = openNftables()
      const codes = [() => nftables.load('add table inet x'), () => nftables.listRuleset(),
        () => nftables.run([{ add: { table: { family: 'inet', name: 'x' } } }])].map(codeOf)
      console.log(codes.join(' '), nftables.version)
    `
    const prefix = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--']
    assert.equal(runProgram(program, prefix), 'no-permission no-permission no-permission undefined')
  })

  test('without a netlink socket: unsupported, where libnftables alone would end the process', () => {
    const program = `
      openNftables()[Symbol.dispose]()
      const RLIMIT_NOFILE = 7
      koffi.load(null).func('int setrlimit(int resource, const uint64_t *limit)')(RLIMIT_NOFILE, [0, 0])
      let text
      const code = codeOf(() => { try { openNftables() } catch (error) { text = error.text; throw error } })
      console.log(code, text)
    `
    assert.equal(runProgram(program), 'unsupported no netlink socket for netfilter: EMFILE')
  })

  test('asynchronous calls get a larger stack, unless koffi is in use already', async () => {
    const open = `
      using nftables = openNftables()
      await nftables.runAsync([{ add: { table: { family: 'inet', name: 'x' } } }])
      console.log(koffi.config().async_stack_size >= 512 * 1024, nftables.listTable('inet', 'x').length)
    `
    assert.equal(runProgram(open), 'true 1')
    const inUse = `koffi.load(null).func('int getpid()')(); ${open}`
    assert.equal(runProgram(inUse), 'false 1')
  })
})

/** What a program prints that runs in a process of its own, with `openNftables`, `koffi` and `codeOf` in reach. */
function runProgram(program: string, prefix: readonly string[] = []): string {
  const imports = `
    import koffi from '${import.meta.resolve('koffi')}'
    import { openNftables } from '${new URL('../src/index.ts', import.meta.url)}'
    function codeOf(action) { try { action() } catch (error) { return error.code } }
  `
  const node = [process.execPath, '--input-type=module-typescript', '--eval', imports + program]
  const [command = '', ...args] = [...prefix, ...node]
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
