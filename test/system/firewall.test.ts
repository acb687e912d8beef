/** The port to the kernel's firewall, on the real one; and the fake of the tests does the same. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { beforeEach, test } from 'node:test'
import { listSets } from '../../packages/nfnetlink/src/index.ts'
import { type Attribute, be, buildRequest } from '../../packages/nfnetlink/src/message.ts'
import { openSocket } from '../../packages/nfnetlink/src/socket.ts'
import { type Change, type ElementValue, type Firewall, SetFull } from '../../src/arm/firewall.ts'
import { exchanges } from '../../src/arm/listed.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { openFirewall } from '../../src/system/firewall.ts'
import { seeRuleset } from '../../src/system/ruleset-view.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { elementMeets } from '../../src/terms/fly.ts'
import { EMPTY, prefixSet } from '../../src/terms/prefix-set.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { describeInNamespace } from '../support/in-namespace.ts'

const nft = (...args: string[]) => execFileSync('nft', args, { encoding: 'utf8' })
const address = (text: string) => text as Address
const NOBODY = { never: EMPTY, singles: EMPTY }
const RULESET = render(rulesetOf(parseSettings('', 'test'), 'log'))

/** What is there, in an order of its own. */
function seen(firewall: Firewall) {
  const table = firewall.look()
  return {
    chains: table?.chains.map(({ name, hook }) => `${name} ${hook ?? ''}`).sort(),
    sets: table?.sets.map(({ name, size }) => `${name} ${size ?? ''}`).sort(),
    jumps: table?.rules
      .filter(({ comment }) => comment === 'ours' || comment === 'his')
      .map(({ chain, targets }) => `${chain} ${targets}`),
    flies: timesIn(firewall, 'flypaper'),
    flies6: timesIn(firewall, 'flypaper6'),
    hold: timesIn(firewall, 'flypaper_hold'),
  }
}

/** Who is in the set, and for how long: a test takes no ten seconds between two steps. */
function timesIn(firewall: Firewall, set: 'flypaper' | 'flypaper6' | 'flypaper_hold'): string[] {
  const tens = (seconds: number | undefined) =>
    seconds === undefined ? '' : ` ${Math.ceil(seconds / 10)}0 s`
  return firewall
    .first(set, 100)
    .map(({ element, expires }) => `${element}${tens(expires)}`)
    .sort()
}

/** The handles of the table and of this set: what is made anew gets others. */
function handlesOf(firewall: Firewall, name: string) {
  const table = firewall.look()
  return [table?.handle, table?.sets.find(set => set.name === name)?.handle]
}

/** What a firewall does with it: what it returns, or whether it says that the set is full, or refuses. */
function outcome(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error instanceof SetFull ? 'full' : 'refused'
  }
}

/** As nft 1.1.3 makes it: `add set ip6 theirs later { type ipv6_addr; }`. */
function makeSetOfLaterNft(): void {
  nft('add', 'table', 'ip6', 'theirs')
  using socket = openSocket(12, 0, 65_536)
  const nftables = (type: number, attributes: readonly Attribute[]) =>
    buildRequest({
      ...{ subsystem: 'nftables', type, family: 10, group: 0, sequence: 1, acknowledge: false, flags: 0x400 },
      attributes,
    })
  const edge = (type: number) => {
    const bytes = buildRequest({
      ...{ subsystem: 'nftables', type: 0, group: 10, sequence: 0, acknowledge: false },
      attributes: [],
    })
    bytes.set(new Uint8Array(Uint16Array.of(type).buffer), 4)
    return bytes
  }
  const value = new Uint8Array(Uint32Array.of(4).buffer)
  const set = nftables(9, [
    { type: 1, value: Buffer.from('theirs\0') },
    { type: 2, value: Buffer.from('later\0') },
    { type: 3, value: be([0, 4]) },
    { type: 4, value: be([8, 4]) },
    { type: 5, value: be([16, 4]) },
    { type: 10, value: be([1, 4]) },
    { type: 13, value: Uint8Array.of(0, 4, 2, 0, 0, 0, 3, 8, 0, 4, ...value, 1, 0) },
  ])
  socket.send(Buffer.concat([edge(16), set, edge(17)]))
  assert.equal(listSets().find(({ table }) => table === 'theirs')?.name, 'later')
}

describeInNamespace(import.meta.url, () => {
  beforeEach(() => nft('flush', 'ruleset'))

  test('what a rule refers to is seen, however it does so', () => {
    nft(`table inet filter {
      set his { type ipv4_addr; }
      map ways { type inet_service : verdict; elements = { 1 : jump a, 2 : goto b, 3 : accept }
      }
      map idle { type inet_service : verdict; elements = { 1 : jump c }
      }
      map plain { type inet_service : ipv4_addr; elements = { 1 : 192.0.2.1 }
      }
      chain a { }
      chain b { }
      chain c { }
      chain input {
        type filter hook input priority 0;
        ip saddr @his jump a comment "one"
        tcp dport vmap { 1 : jump b, 5-9 : goto c, 10 : drop }
        tcp dport vmap @ways
        log prefix "jump"
        log group 7
      }
    }`)
    using firewall = openFirewall()
    const { rules, mapTargets, chains, others, sets } = firewall.look()!
    assert.deepEqual(
      rules.map(({ targets, sets }) => [[...targets], [...sets]]),
      [
        [['a'], ['his']],
        [['b', 'c'], []],
        [['a', 'b'], ['ways']],
        [[], []],
        [[], []],
      ],
    )
    assert.deepEqual(rules.map(({ comment }) => comment).slice(0, 2), ['one', undefined])
    assert.deepEqual(rules.at(-1)!.handsOver, { kind: 'log', number: 7 })
    assert.deepEqual([...mapTargets].sort(), ['a', 'b', 'c'])
    assert.deepEqual(chains.find(({ name }) => name === 'input')!.hook, 'input')
    assert.deepEqual([...others].sort(), ['idle', 'plain', 'ways'])
    assert.deepEqual(
      sets.map(({ name }) => name),
      ['his'],
    )
  })

  test('the kernel and the fake agree, step by step', () => {
    using kernel = openFirewall()
    const fake = fakeFirewall()
    assert.equal(kernel.look(), undefined)
    assert.deepEqual(seen(fake), seen(kernel))

    const his = 'table inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0;\n\t}\n}\n'
    const net = parsePrefix('192.0.2.0/24')!
    const add = (seconds?: number): Change => ({
      change: 'add',
      set: 'flypaper',
      elements: [{ element: address('69.0.231.79'), seconds }, { element: address('69.0.231.80') }],
    })
    const steps: ((firewall: Firewall) => unknown)[] = [
      firewall => firewall.load(his),
      firewall => firewall.load(RULESET),
      firewall => firewall.change([add(3600)]),
      // With the same time: whether another one is taken depends on the kernel (6.12), and the fake is an old one.
      firewall => firewall.change([add(3600)]),
      firewall => firewall.load(RULESET),
      firewall => firewall.change([{ change: 'add', set: 'flypaper_own', elements: [{ element: net }] }]),
      firewall =>
        firewall.change([{ change: 'add', set: 'flypaper_served', elements: [{ element: [6, 22] }] }]),
      firewall =>
        firewall.change([{ change: 'append-jump', chain: 'input', to: 'flypaper_input', comment: 'ours' }]),
      firewall => firewall.take('flypaper', [address('69.0.231.80'), address('69.0.231.81')]),
      firewall => firewall.take('flypaper', [address('69.0.231.80')]),
      firewall => firewall.take('flypaper_pending', [address('69.0.231.80')]),
      firewall => firewall.ask('flypaper', [address('69.0.231.81')]),
      firewall =>
        firewall
          .ask('flypaper', [address('69.0.231.79'), address('69.0.231.80')])
          .map(({ element }) => element),
      firewall =>
        firewall.change([
          { change: 'remove', set: 'flypaper6', elements: [{ element: address('2001:db8::') }] },
          { change: 'add', set: 'flypaper6', elements: [{ element: address('2001:db8::'), seconds: 60 }] },
        ]),
      firewall => {
        const { handle } = firewall.look()!.rules.find(({ comment }) => comment === 'ours')!
        firewall.change([{ change: 'delete-rule', chain: 'input', handle }])
      },
      firewall => firewall.change([{ change: 'empty', set: 'flypaper' }]),
      firewall => firewall.change([{ change: 'flush-chain', chain: 'flypaper_listening' }]),
      firewall => firewall.change([{ change: 'delete-chain', chain: 'flypaper_listening' }]),
      firewall => firewall.change([{ change: 'delete-table' }]),
    ]
    for (const [i, step] of steps.entries()) {
      assert.deepEqual(step(fake), step(kernel), `step ${i}`)
      assert.deepEqual(seen(fake), seen(kernel), `step ${i}`)
    }
  })

  test('the kernel and the fake agree about times, full sets, what is made anew, and what is refused', () => {
    using kernel = openFirewall()
    const fake = fakeFirewall()
    const small = RULESET.replace(/(set flypaper \{[^}]*size )\d+/, '$13')
    const of = (...elements: (string | [string, number])[]) =>
      elements.map(one =>
        typeof one === 'string' ? { element: address(one) } : { element: address(one[0]), seconds: one[1] },
      )
    const add = (...elements: Parameters<typeof of>): Change => ({
      change: 'add',
      set: 'flypaper',
      elements: of(...elements),
    })
    const remove = (...elements: Parameters<typeof of>): Change =>
      ({ ...add(...elements), change: 'remove' }) as Change
    const net = (text: string): Change => ({
      change: 'add',
      set: 'flypaper_nets',
      elements: [{ element: parsePrefix(text)!, seconds: 600 }],
    })
    const steps: (readonly Change[])[] = [
      [add(['192.0.2.1', 600], '192.0.2.2')],
      [remove('192.0.2.9')],
      [add('192.0.2.3', '192.0.2.4')],
      [add('192.0.2.3')],
      [add(['192.0.2.1', 600])],
      [add('192.0.2.4')],
      [remove('192.0.2.7'), add('192.0.2.3')],
      [remove('192.0.2.1'), add(['192.0.2.1', 60])],
      [remove('192.0.2.2', '192.0.2.8')],
      [{ change: 'empty', set: 'flypaper' }, add('192.0.2.6', '192.0.2.6')],
      [add('192.0.2.5'), { change: 'delete-chain', chain: 'flypaper_judge' }],
      [{ change: 'add', set: 'flypaper_hold', elements: of('192.0.2.1', ['192.0.2.2', 90]) }],
      [net('198.51.100.0/24')],
      [net('198.51.100.0/24')],
      [net('198.51.100.0/25')],
      [net('198.51.0.0/16')],
      [{ change: 'add', set: 'flypaper_pending', elements: of('192.0.2.1') }],
      [{ change: 'add', set: 'flypaper_never', elements: of(['192.0.2.1', 60]) }],
      [{ change: 'delete-set', set: 'flypaper_hold' }],
    ]
    for (const firewall of [kernel, fake]) firewall.load(small)
    for (const [i, step] of steps.entries()) {
      const [ours, theirs] = [fake, kernel].map(firewall => outcome(() => firewall.change(step)))
      assert.equal(
        ours,
        theirs,
        `step ${i}: ${JSON.stringify(step, (_, one) => (typeof one === 'bigint' ? String(one) : one))}`,
      )
      assert.deepEqual(seen(fake), seen(kernel), `step ${i}`)
    }
    const load: ((firewall: Firewall) => void)[] = [
      firewall => firewall.load(small),
      firewall =>
        firewall.load(RULESET.replace('flush set', 'delete set inet filter flypaper_served\nflush set')),
      firewall => firewall.change([{ change: 'delete-table' }]),
      firewall => firewall.load(small),
    ]
    for (const [i, step] of load.entries()) {
      const isNew = [fake, kernel].map(firewall => {
        const before = [...handlesOf(firewall, 'flypaper'), ...handlesOf(firewall, 'flypaper_served')]
        const did = outcome(() => step(firewall))
        const after = [...handlesOf(firewall, 'flypaper'), ...handlesOf(firewall, 'flypaper_served')]
        return [did, ...after.map((handle, n) => handle !== before[n])]
      })
      assert.deepEqual(isNew[0], isNew[1], `load ${i}`)
      assert.deepEqual(seen(fake), seen(kernel), `load ${i}`)
    }
  })

  test('what a rule refers to is not deleted: kernel and fake', () => {
    using kernel = openFirewall()
    const fake = fakeFirewall()
    for (const firewall of [kernel, fake]) {
      firewall.load('table inet filter {\n\tchain input { }\n}\n')
      firewall.load(RULESET)
      firewall.change([{ change: 'append-jump', chain: 'input', to: 'flypaper_input', comment: 'his' }])
      assert.throws(
        () => firewall.change([{ change: 'delete-chain', chain: 'flypaper_input' }]),
        /refers to|busy/,
      )
    }
    assert.throws(() => kernel.change([{ change: 'delete-chain', chain: 'flypaper_input' }]), {
      exit: 69,
      message: /^the kernel keeps what a rule of yours still refers to/,
    })
    assert.deepEqual(seen(fake), seen(kernel))
  })

  test('a full set has a sentence of its own', () => {
    using firewall = openFirewall()
    firewall.load(RULESET.replace(/size 1048576/g, 'size 1'))
    const fly = (text: string): Change => ({
      change: 'add',
      set: 'flypaper',
      elements: [{ element: address(text) }],
    })
    firewall.change([fly('192.0.2.1')])
    assert.throws(() => firewall.change([fly('192.0.2.2')]), { exit: 69, message: /^the set is full/ })
  })

  test('sets are read whole or in part, by address: kernel and fake', async () => {
    using kernel = openFirewall()
    const fake = fakeFirewall()
    const set = prefixSet([parsePrefix('192.0.2.0/24')!, parsePrefix('2001:db8:1::/48')!])
    for (const firewall of [kernel, fake]) {
      firewall.load(RULESET)
      const elements = ['192.0.2.1', '192.0.3.1'].map(text => ({ element: address(text), seconds: 60 }))
      const elements6 = ['2001:db8:1:2::', '2001:db8:2::5'].map(text => ({ element: address(text) }))
      firewall.change([
        { change: 'add', set: 'flypaper', elements },
        { change: 'add', set: 'flypaper6', elements: elements6 },
      ])
      const found = await firewall.read('flypaper', key => elementMeets(key, set))
      assert.deepEqual(found, [{ element: '192.0.2.1', expires: 60, packets: 0 }])
      const found6 = await firewall.read('flypaper6', key => elementMeets(key, set))
      assert.deepEqual(
        found6.map(({ element }) => element),
        ['2001:db8:1:2::'],
      )
      assert.equal((await firewall.read('flypaper')).length, 2)
      assert.deepEqual(await firewall.read('flypaper_pending'), [])
      assert.deepEqual(firewall.first('flypaper_pending', 1), [])
    }
  })

  test('intervals are exchanged, as far as the last address: by the kernel as by the fake, which refuse what is not there', () => {
    using kernel = openFirewall()
    const fake = fakeFirewall()
    const listed = (...texts: string[]) => {
      const set = prefixSet(texts.map(text => parsePrefix(text)!))
      return { never: set, singles: EMPTY }
    }
    const before = listed('192.0.2.0/24', '198.51.100.0/24', '255.255.255.0/24', '2001:db8::/32', 'ffff::/16')
    const after = listed(
      '192.0.2.0/25',
      '198.51.100.0/23',
      '255.255.255.255',
      '2001:db8:1::/48',
      'ffff:8000::/17',
    )
    for (const firewall of [kernel, fake]) {
      firewall.load(RULESET)
      for (const [from, to] of [
        [NOBODY, before],
        [before, after],
        [after, before],
        [before, after],
      ] as const)
        for (const change of exchanges(from, to, 1)) firewall.change([change])
      for (const wrong of [exchanges(NOBODY, before), exchanges(before, NOBODY)])
        assert.throws(() => {
          for (const change of wrong) firewall.change([change])
        })
    }
    const shown = ['flypaper_never', 'flypaper_never6']
      .map(set => nft('list', 'set', 'inet', 'filter', set))
      .join('')
    assert.deepEqual(
      [...shown.matchAll(/(?:[\da-f]+[.:]){2}[^\s,]*/g)].map(([text]) => text),
      ['192.0.2.0/25', '198.51.100.0/23', '255.255.255.255', '2001:db8:1::/48', 'ffff:8000::/17'],
    )
    assert.deepEqual([...fake.elementsOf('flypaper_never').keys()].sort(), [
      '192.0.2.0/25',
      '198.51.100.0/23',
      '255.255.255.255',
    ])
  })

  test('whoever is not in a full set keeps nobody from being removed', () => {
    using firewall = openFirewall()
    firewall.load(RULESET.replace(/size 1048576/g, 'size 2'))
    const hosts = (...texts: string[]) => texts.map(text => ({ element: address(text) }))
    const flies = () =>
      firewall
        .first('flypaper', 100)
        .map(({ element }) => element)
        .sort()
    const change = (change: 'add' | 'remove', ...texts: string[]) =>
      firewall.change([{ change, set: 'flypaper', elements: hosts(...texts) }])
    change('add', '192.0.2.1', '192.0.2.2')
    change('remove', '192.0.2.3')
    assert.deepEqual(flies(), ['192.0.2.1', '192.0.2.2'])
    firewall.change([
      { change: 'remove', set: 'flypaper6', elements: hosts('2001:db8::') },
      { change: 'remove', set: 'flypaper', elements: hosts('192.0.2.3', '192.0.2.1', '192.0.2.4') },
    ])
    assert.deepEqual(flies(), ['192.0.2.2'])
    change('add', '192.0.2.5')
    firewall.change([
      { change: 'remove', set: 'flypaper', elements: hosts('192.0.2.6') },
      { change: 'remove', set: 'flypaper', elements: hosts('192.0.2.5') },
    ])
    assert.deepEqual(flies(), ['192.0.2.2'])
  })

  test('who is named twice in one removal is removed, in sets of each kind', () => {
    using firewall = openFirewall()
    firewall.load(render(rulesetOf(parseSettings('closed = "unaccepted"', 'test'), 'log')))
    const sets: [Extract<Change, { change: 'remove' }>['set'], ElementValue][] = [
      ['flypaper', address('192.0.2.1')],
      ['flypaper6', address('2001:db8::')],
      ['flypaper_nets', parsePrefix('192.0.2.0/24')!],
      ['flypaper_pending', address('192.0.2.1')],
      ['flypaper_pending6', address('2001:db8::')],
      ['flypaper_passing', [address('192.0.2.9'), address('192.0.2.1'), 6, 81]],
      ['flypaper_passing6', [address('2001:db8::9'), address('2001:db8::1'), 17, 1053]],
      ['flypaper_served', [6, 22]],
    ]
    for (const [set, element] of sets) {
      firewall.change([{ change: 'add', set, elements: [{ element }] }])
      assert.match(nft('list', 'set', 'inet', 'filter', set), /elements/, set)
      for (let times = 0; times < 2; times++)
        firewall.change([{ change: 'remove', set, elements: [{ element }, { element }] }])
      assert.doesNotMatch(nft('list', 'set', 'inet', 'filter', set), /elements/, set)
    }
  })

  test('a set that a later nft has made, and libnftables 1.0.6 does not survive, is said; all else goes on', () => {
    using firewall = openFirewall()
    firewall.load(RULESET)
    makeSetOfLaterNft()
    const { signal } = spawnSync('nft', ['list', 'ruleset'])
    const isOld = / v1\.0\.[0-6] /.test(nft('--version'))
    assert.equal(signal, isOld ? 'SIGSEGV' : null, 'the control')
    const told = {
      exit: 69,
      message: /cannot read the set later of table ip6 theirs, which a later nft has made/,
    }
    const asks = [() => firewall.load(RULESET), () => firewall.supports('socket'), () => seeRuleset()]
    for (const ask of asks) isOld ? assert.throws(ask, told) : ask()
    firewall.change([
      { change: 'add', set: 'flypaper_nets', elements: [{ element: parsePrefix('192.0.2.0/24')! }] },
    ])
    assert.ok(firewall.look()!.chains.length > 0)
    firewall.change([{ change: 'delete-table' }])
    assert.equal(firewall.look(), undefined)
  })

  test('probes change nothing', () => {
    using firewall = openFirewall()
    for (const statement of ['queue', 'log', 'socket'] as const) firewall.supports(statement)
    assert.equal(firewall.supports('socket'), true)
    assert.equal(nft('list', 'ruleset'), '')
  })
})
