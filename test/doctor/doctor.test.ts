import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnose } from '../../src/doctor/doctor.ts'
import type { Facts } from '../../src/doctor/facts.ts'
import type { Question } from '../../src/doctor/finding.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { address, both, byHand, facts, recorded, sight, statements } from './facts.ts'

const { ACCEPT, DROP, dport, invalid, jump } = statements

const findings = (changes: Parameters<typeof facts>[0], question: Question) =>
  diagnose(facts(changes)).findings.filter(({ about }) => about === question)
const said = (changes: Parameters<typeof facts>[0], question: Question) =>
  findings(changes, question)
    .map(({ severity, text, advice }) => `${severity}: ${text}${advice === undefined ? '' : ` | ${advice}`}`)
    .join('\n')
const seeing = (ruleset: ReturnType<typeof recorded>, rest: Partial<Facts> & { toml?: string } = {}) => ({
  sight: sight({ ruleset }),
  ...rest,
})

test('an empty machine: all is well, and listening is recommended', () => {
  const { findings: all, modes } = diagnose(facts())
  assert.deepEqual(modes, {
    inForce: 'listening',
    armed: false,
    recommended: 'listening',
    chains: { input: [], forward: [] },
  })
  assert.ok(all.every(({ severity }) => severity === 'ok' || severity === 'note'))
  assert.match(said({}, 'closed'), /all but tcp 22, tcp 443, udp 53\.$/)
})

test('the way of a packet: before the chains of every manager at input, after those of address translation', () => {
  const way = (ruleset: ReturnType<typeof recorded>, hook: string) =>
    diagnose(facts(seeing(ruleset)))
      .path.filter(station => station.hook === hook)
      .map(({ priority, chain }) => `${priority} ${chain}`)
  assert.deepEqual(way(recorded('stock'), 'input'), ['-10 flypaper_listening', '0 input'])
  assert.deepEqual(way(recorded('ufw'), 'input'), [
    '-10 flypaper_listening',
    '0 INPUT',
    '0 INPUT',
    '400 flypaper_end_input',
  ])
  assert.deepEqual(way(recorded('firewalld'), 'input'), [
    '-10 flypaper_listening',
    '10 filter_INPUT',
    '400 flypaper_end_input',
  ])
  assert.deepEqual(way(recorded('docker'), 'prerouting'), ['-450 flypaper_early', '-100 PREROUTING'])
  assert.match(
    said(seeing(recorded('docker')), 'place'),
    /comes ip nat PREROUTING\. What is dropped there is never seen/,
  )
  const legacy = facts({ legacy: [{ family: 'ip', table: 'raw' }] })
  assert.deepEqual(
    diagnose(legacy).path.map(({ priority }) => priority),
    [-450, -300, -10, -10, 450],
  )
})

test('a chain that drops what it does not accept: it may jump to the trap, and what to write for that', () => {
  const server = byHand('drop', [[dport(22), ACCEPT]])
  const router = both(server, byHand('drop', [], 'forward'))
  assert.match(
    said(seeing(server), 'mode'),
    /note: Chain input refuses.*\| Write into the settings:\nclosed = "unmatched"\n\[chains\]\ninput = \["input"\]\n/,
  )
  assert.match(
    said(seeing(router, { forwards: true }), 'mode'),
    /\ninput = \["input"\]\nforward = \["forward"\]/,
  )
  assert.doesNotMatch(said(seeing(router), 'mode'), /forward = /)
  assert.match(
    said(seeing(server, { toml: 'closed = "unmatched"' }), 'closed'),
    /end of chain input .*its rules name tcp 22, some perhaps/,
  )
  const following = seeing(server, { toml: 'closed = "unmatched"\nchains.input = ["input"]' })
  assert.match(said(following, 'mode'), /ok: Recommended: closed = "unmatched"[^|]*$/m)
  assert.deepEqual(diagnose(facts(following)).modes.chains, { input: ['input'], forward: [] })
})

test('a last rule that drops everything: the jump must stand before it', () => {
  const server = byHand('accept', [
    [dport(22), ACCEPT],
    [{ counter: null }, DROP],
  ])
  const { modes } = diagnose(facts(seeing(server)))
  assert.deepEqual([modes.recommended, modes.chains.input], ['unaccepted', []])
  assert.match(
    said(seeing(server), 'mode'),
    /and into chain input, before its last rule: jump flypaper_input/,
  )
  const jumping = byHand('accept', [[dport(22), ACCEPT], [jump('flypaper_input')], [DROP]])
  assert.doesNotMatch(said(seeing(jumping), 'mode'), /before its last rule/)
})

test('what each mode cannot see is said, as far as it is so here', () => {
  assert.doesNotMatch(said({}, 'mode'), /your firewall|forwarded/)
  assert.match(
    said(seeing(recorded('ufw'), { toml: 'closed = "listening"' }), 'mode'),
    /open, but that your firewall refuses/,
  )
  assert.match(said({ forwards: true }, 'mode'), /offences in traffic that is forwarded/)
  const strict = byHand('drop', [
    [invalid, DROP],
    [dport(22), ACCEPT],
  ])
  const unmatched = said(seeing(strict, { toml: 'closed = "unmatched"', forwards: true }), 'mode')
  assert.match(
    unmatched,
    /what the one rule of chain input drops or rejects before its end; offences in traffic/,
  )
})

test('a machine that forwards, and has no default route: nothing forwarded is watched', () => {
  const modes = (changes: object) => said(seeing(recorded('docker'), changes), 'mode')
  assert.match(
    modes({ forwards: true, uplinks: 0 }),
    /careful: This machine forwards packets, but no routing table has a default route/,
  )
  for (const other of [
    { forwards: true },
    { uplinks: 0 },
    { forwards: true, uplinks: 0, toml: 'closed = "listening"' },
  ])
    assert.doesNotMatch(modes(other), /default route/)
})

test('an armed trap is seen in the kernel, whatever the settings say', () => {
  const where = { family: 'inet', table: 'filter', hook: 'input', priority: -10 }
  const chains = ['flypaper_early', 'flypaper_strays'].map(name => ({ ...where, name }))
  const { modes } = diagnose(facts(seeing({ tables: [where], chains, rules: [] })))
  assert.deepEqual([modes.armed, modes.inForce], [true, 'unmatched'])
})

test('what is missing: 1', () => {
  const without = (...names: string[]) => {
    const supports = {
      queue: true,
      log: true,
      socket: true,
      ...Object.fromEntries(names.map(name => [name, false])),
    }
    return { sight: sight({ supports }) }
  }
  const missing = (changes: Parameters<typeof facts>[0]) =>
    diagnose(facts(changes))
      .findings.filter(({ severity }) => severity === 'missing')
      .map(({ text }) => text)
  assert.deepEqual(missing({}), [])
  assert.deepEqual(missing(without('queue')), [])
  assert.match(missing(without('queue', 'log'))[0]!, /neither nft_queue nor NFLOG/)
  assert.match(missing(without('socket'))[0]!, /lacks nft_socket/)
  assert.match(missing({ ...without('queue'), toml: 'capture = "queue"' })[0]!, /has no nft_queue/)
  assert.match(missing({ ...without('log'), toml: 'capture = "log"' })[0]!, /has no NFLOG/)
  assert.match(
    missing({ sight: sight({ version: '1.0.2' }) })[0]!,
    /libnftables 1\.0\.2 is older than 1\.0\.6/,
  )
  assert.deepEqual(missing({ sight: sight({ version: '1.1' }) }), [])
  assert.match(missing({ node: '22.9.0' })[0]!, /Node 22\.9\.0 is too old/)
  assert.match(missing({ toml: 'chains.input = ["inptu"]' })[0]!, /has no such chain/)
  assert.match(missing({ toml: 'closed = "unmatched"' })[0]!, /no rule jumps to flypaper_input/)
  const unseen = { unseen: 'no permission: CAP_NET_ADMIN is missing', advice: 'sudo' }
  assert.deepEqual(missing({ sight: unseen }), [
    'No permission: CAP_NET_ADMIN is missing. So nothing of the kernel was seen.',
  ])
  assert.match(said({ sight: unseen }, 'firewall'), /^note: Whether there is a firewall here cannot be seen/)
  assert.match(
    said({ sight: unseen }, 'mode'),
    /cannot be seen\. With the settings of now.*\nnote: None is recommended/,
  )
  assert.match(said({ kernel: '5.10.0-30-amd64' }, 'needs'), /careful: Linux 5\.10\.0-30-amd64 is older/)
})

test('whoever came in by ssh: never-list, near, known, or judged', () => {
  const caller = { address: address('203.0.113.5'), port: 22 }
  const standing = (changes: Parameters<typeof facts>[0]) => findings({ caller, ...changes }, 'danger')[0]!
  assert.equal(standing({ toml: 'never = ["203.0.113.0/24"]' }).severity, 'ok')
  assert.match(
    standing({ caller: { address: address('192.0.2.254'), port: 22 } }).text,
    /gateway.*never judged/,
  )
  assert.match(standing({ connected: [caller.address] }).text, /known client: three different closed ports/)
  const judged = standing({})
  assert.deepEqual([judged.severity, judged.text.includes('one packet')], ['careful', true])
  assert.match(judged.advice!, /never = \["203\.0\.113\.5"\]/)
})

test('the port by which he came in', () => {
  const by = (port: number, changes: Parameters<typeof facts>[0] = {}) =>
    findings({ caller: { address: address('203.0.113.5'), port }, ...changes }, 'danger')[1]!
  assert.equal(by(22).severity, 'ok')
  assert.match(by(2222).text, /Nobody listens on TCP-port 2222/)
  const unmatched = by(22, seeing(byHand('drop', []), { toml: 'chains.input = ["input"]' }))
  assert.deepEqual([unmatched.severity, /must do so in chain input/.test(unmatched.text)], ['careful', true])
})

test('with closed = "unaccepted" nobody may let packets wait', () => {
  const queueing = seeing(byHand('accept', [[{ queue: { num: 1 } } as never]]), {
    toml: 'closed = "unaccepted"',
  })
  assert.match(said(queueing, 'danger'), /careful: Chain inet filter input lets packets wait/)
  assert.doesNotMatch(
    said(seeing(byHand('accept', [[{ queue: { num: 1 } } as never]])), 'danger'),
    /lets packets wait/,
  )
})

test('a policy of accept with the jump at its end: clients of open ports would be offenders', () => {
  const open = byHand('accept', [])
  const named = { toml: 'chains.input = ["input"]' }
  assert.match(said(seeing(open, named), 'danger'), /careful: Chain input accepts by its policy/)
  assert.match(
    said(seeing(byHand('accept', [[jump('flypaper_input')]]), { toml: 'closed = "unmatched"' }), 'danger'),
    /careful: Chain input accepts by its policy/,
  )
  assert.doesNotMatch(said(seeing(open), 'danger'), /by its policy/)
  assert.doesNotMatch(said(seeing(byHand('drop', []), named), 'danger'), /by its policy/)
})

test('what a flowtable takes past the rules goes on after a lockout', () => {
  const offloading = [{ flow: { op: 'add', flowtable: '@fast' } } as never]
  assert.match(
    said(seeing(byHand('accept', [offloading, offloading])), 'danger'),
    /^note: Chain inet filter input puts forwarded connections into a flowtable.*$(?![\s\S]*flowtable)/m,
  )
  assert.doesNotMatch(said(seeing(byHand('accept', [])), 'danger'), /flowtable/)
})

test('the devices of flowtables are named for ingress; where the settings have them, nothing is left to do', () => {
  const offloading = [{ flow: { op: 'add', flowtable: '@fast' } } as never]
  const flowtable = { family: 'inet', table: 'theirs', name: 'fast', priority: 0, devices: ['eth0', 'ppp0'] }
  const with_ = (toml: string, priority = 0) => {
    const ruleset = { ...byHand('accept', [offloading]), flowtables: [{ ...flowtable, priority }] }
    return said(seeing(ruleset, { toml }), 'danger')
  }
  assert.match(with_(''), /^note: .*into a flowtable.*\n?.*ingress = \["eth0", "ppp0"\] in the settings/m)
  assert.match(with_('ingress = ["lan0", "ppp0"]'), /ingress = \["lan0", "ppp0", "eth0"\]/)
  const whole = with_('ingress = ["ppp0", "eth0"]')
  assert.match(whole, /^ok: .*ends with its lockout, at ingress of eth0, ppp0/m)
  assert.doesNotMatch(whole, /conntrack -D|priority/)
  assert.match(with_('', -450), /^note: Flowtable inet theirs fast is at priority -450, before/m)
})

test('frames to everybody can be dropped by the kernel', () => {
  const framesToAll = ['net/ipv4/conf/all/drop_unicast_in_l2_multicast']
  assert.match(
    said({ framesToAll }, 'danger'),
    /note: Whoever is on a link.*sysctl -w net\/ipv4\/conf\/all\/drop_unicast_in_l2_multicast=1/s,
  )
  assert.doesNotMatch(said({ framesToAll: [] }, 'danger'), /on a link of this machine/)
})

test('containers are strangers to the trap, unless the never-list has their network', () => {
  const bridges = [{ name: 'docker0', prefix: parsePrefix('172.17.0.0/16')! }]
  assert.match(
    said({ bridges }, 'danger'),
    /behind docker0 \(172\.17\.0\.0\/16\).*never = \["172\.17\.0\.0\/16"\]/,
  )
  assert.doesNotMatch(said({ bridges, toml: 'never = ["172.16.0.0/12"]' }, 'danger'), /docker0/)
})

test('where packets are forwarded, what is inside is named, and said when nothing is', () => {
  const neighbourhood = { ...facts().neighbourhood, inside: [parsePrefix('10.0.0.0/24')!] }
  const danger = (changes: object) => said(changes, 'danger')
  assert.doesNotMatch(danger({ neighbourhood }), /inside/i)
  assert.match(
    danger({ forwards: true, neighbourhood }),
    /ok: Inside, behind this machine: 10\.0\.0\.0\/24\./,
  )
  assert.match(
    danger({ forwards: true }),
    /note: This machine forwards packets, but no network .*inside = \[/s,
  )
  assert.match(
    danger({ forwards: true, neighbourhood, toml: 'inside = ["10.1.0.0/16"]' }),
    /ok: Inside, behind this machine: 10\.1\.0\.0\/16\./,
  )
  assert.match(danger({ forwards: true, neighbourhood, toml: 'inside = []' }), /by the settings no network/)
})

test('a prefix of DNS64 is named unless hosts stick one by one there', () => {
  const danger = (prefix: string, toml = '') => said({ nat64: [parsePrefix(prefix)!], toml }, 'danger')
  assert.match(
    danger('2001:db8:64::/96'),
    /careful: DNS64 puts 2001:db8:64::\/96 .*single = \["2001:db8:64::\/96"\]/s,
  )
  assert.doesNotMatch(danger('2001:db8:64::/96', 'shared.single = ["2001:db8:64::/64"]'), /DNS64/)
  assert.doesNotMatch(danger('64:ff9b::/96'), /DNS64/)
})

test('what sleeps is told, and a flag that keeps the trap out of its table', () => {
  const quiet = { family: 'ip', table: 'quiet', flags: ['dormant'] }
  const empty = { tables: [], chains: [], rules: [] }
  assert.doesNotMatch(said(seeing(empty), 'firewall'), /sleep/)
  assert.match(
    said(seeing({ ...empty, asleep: [quiet] }), 'firewall'),
    /note: Table ip quiet sleeps \(flags dormant\)/,
  )
  const filter = { family: 'inet', table: 'filter' }
  const named = { toml: '[chains]\ninput = ["input"]' }
  const asleep = seeing({ ...empty, asleep: [{ ...filter, flags: ['dormant'] }] }, named)
  assert.match(
    said(asleep, 'needs'),
    /missing: Table inet filter sleeps .* \| Wake it yourself.*: nft add table inet filter/,
  )
  assert.doesNotMatch(said(asleep, 'needs'), /no such chain/, 'who wakes it will see')
  const owned = seeing({ ...empty, tables: [{ ...filter, flags: ['owner'] }] })
  assert.match(said(owned, 'needs'), /missing: Table inet filter belongs to another program \(flags owner\)/)
  const elsewhere = { family: 'inet', table: 'firewalld', flags: ['owner', 'persist'] }
  assert.doesNotMatch(said(seeing({ ...empty, tables: [elsewhere] }), 'needs'), /missing/)
})

test('a trap in the kernel to which no daemon listens, and files that bring it back at each boot', () => {
  const offence = (statement: Record<string, unknown>) => ({
    family: 'inet',
    table: 'filter',
    chain: 'flypaper_offence',
    expr: [statement],
  })
  const withRule = (statement: Record<string, unknown>) =>
    seeing({ tables: [], chains: [], rules: [offence(statement)] })
  const orphaned = /no daemon listens to it.*flypaperd start takes it over/s
  const log = withRule({ log: { group: 4242 } })
  assert.match(said({ ...log, groups: [] }, 'danger'), orphaned)
  assert.doesNotMatch(said({ ...log, groups: [4242, 4243] }, 'danger'), orphaned)
  const queue = withRule({ queue: { num: 4242 } })
  assert.match(said({ ...queue, groups: [4242] }, 'danger'), orphaned)
  const queues = { queues: [4242], ipvs: false, bridges: [] }
  assert.doesNotMatch(said({ ...queue, groups: [], detours: queues }, 'danger'), orphaned)
  assert.match(
    said({ baked: ['/etc/nftables.conf'] }, 'danger'),
    /careful: \/etc\/nftables\.conf holds the trap itself.*docs\/nftables-conf\.md/s,
  )
})

test('most clients come from few networks: a CDN, a load balancer or a NAT is named; many networks, few clients and a never-list are not', () => {
  const hosts = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) =>
      address(prefix.includes(':') ? `${prefix}:${i + 1}::1` : `${prefix}.${i}.7`),
    )
  const strangers = Array.from({ length: 19 }, (_, i) => address(`${20 + i}.1.2.3`))
  const about = (clients: readonly Address[], toml = '') =>
    findings({ clients, toml }, 'danger').filter(({ text }) => text.startsWith('Most'))
  const edges = [...hosts('198.51', 12), ...hosts('2001:db8', 9)]
  const [finding] = about([...strangers, ...edges])
  assert.equal(finding!.severity, 'careful')
  assert.match(finding!.text, /Most of the 40 clients .*: 198\.51\.0\.0\/16 \(12\), 2001:db8::\/32 \(9\)/)
  assert.match(finding!.advice!, /never_files/)
  assert.deepEqual(about([...strangers, ...edges.slice(2)]), [], 'not more than half')
  assert.deepEqual(about(edges.slice(2)), [], 'fewer than twenty')
  assert.deepEqual(about(edges.flatMap(host => [host, host]).slice(4)), [], 'each counts once')
  const listed = 'never = ["198.51.0.0/16", "2001:db8::/32"]'
  assert.deepEqual(
    about(edges, listed).map(({ severity }) => severity),
    ['ok'],
  )
  assert.match(about(edges, 'never = ["198.51.0.0/16"]')[0]!.text, /networks: 2001:db8::\/32 \(9\)/)
})

test('where strangers are served, public is recommended, until the settings name what is', () => {
  const web = [6, 443] as const
  const found = said({ served: [[6, 22], web, [17, 443]] }, 'danger')
  assert.match(found, /note: Strangers are served here at tcp\/443, udp\/443, /)
  const some = said({ served: [web, [6, 80]], toml: 'public = ["tcp/443"]' }, 'danger')
  assert.match(some, /served here at tcp\/80, [\s\S]*public = \["tcp\/443", "tcp\/80"\]/)
  assert.doesNotMatch(said({ served: [web], toml: 'public = ["tcp/400-500"]' }, 'danger'), /Strangers/)
  assert.doesNotMatch(said({ served: [[6, 22]] }, 'danger'), /Strangers/, 'nobody is served')
})
