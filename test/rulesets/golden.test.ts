/** The examples in rulesets/ are what is generated, and the real kernel takes them. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { reasonOf } from '../../src/arm/ruleset/rule.ts'
import { commentOf, textsOf } from '../../src/arm/ruleset/rule-text.ts'
import { rulesetOf, rulesIn } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { must } from '../support/process.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { type Host, makeWorld } from '../support/world.ts'

const EXAMPLES = globSync('rulesets/*/flypaperd.toml').sort().map(dirname)

/** The arguments after `generate` are in a file `options`, where there are any. */
async function generate(example: string, ...more: string[]): Promise<string> {
  const options = existsSync(join(example, 'options'))
    ? readFileSync(join(example, 'options'), 'utf8').trim().split(' ')
    : []
  const args = ['generate', '--settings', join(example, 'flypaperd.toml'), ...options, ...more]
  return must([process.execPath, FLYPAPERD, ...args])
}

const supportsQueue = async (host: Host) =>
  (
    await host.run(['nft', '--check', '-f', '-'], {
      input: 'table inet probe {\nchain c {\nqueue num 1\n}\n}\n',
    })
  ).code === 0

/** nft on a machine that lacks the files of names, as a minimal container does: no protocol is known there but by nft's own words. */
const NAMES = ['protocols', 'services', 'hosts', 'iproute2/rt_marks', 'iproute2/rt_realms', 'passwd', 'group']
const hide = NAMES.map(name => `[ ! -e /etc/${name} ] || mount --bind /dev/null /etc/${name}`).join('\n')
const BARE = ['unshare', '--mount', 'sh', '-ec', `${hide}\nexec nft --check -f -`]

assert.ok(EXAMPLES.length >= 10)
test('the control: without /etc/protocols a name of it is no word', async () => {
  await using world = await makeWorld()
  const host = await world.host('kernel')
  const input = 'table inet t {\nchain c {\nmeta l4proto ospf accept\n}\n}\n'
  await host.must(['nft', '--check', '-f', '-'], { input })
  assert.match((await host.run(BARE, { input })).stderr, /Could not resolve protocol name/)
})

for (const example of EXAMPLES) {
  test(basename(example), async t => {
    const golden = join(example, 'flypaper.nft')
    const generated = await generate(example)
    if (process.env.UPDATE !== undefined) writeFileSync(golden, generated)
    assert.equal(generated, readFileSync(golden, 'utf8'))

    await using world = await makeWorld()
    const host = await world.host('kernel')
    let text = generated
    if (text.includes('queue num') && !(await supportsQueue(host))) {
      t.diagnostic('this kernel has no nft_queue: here the queue statement is replaced by log group')
      text = text.replace(/queue num (\d+)/g, 'log group $1')
    }
    await host.must(['nft', '--check', '-f', '-'], { input: text })
    await host.must(BARE, { input: text })
    const conf = join(example, 'nftables.conf')
    if (existsSync(conf)) await host.must(['nft', '-f', conf])

    // Loaded again and again, the file keeps the flies, and ends in the same rules.
    await host.nft(text)
    const once = await host.must(['nft', '-s', 'list', 'ruleset'])
    await host.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper', '{ 203.0.113.9 timeout 1h }'])
    await host.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper6', '{ 2001:db8:99:: timeout 1h }'])
    for (let i = 0; i < 3; i++) await host.nft(text)
    const [flies, flies6] = await Promise.all(
      ['flypaper', 'flypaper6'].map(set => host.must(['nft', 'list', 'set', 'inet', 'filter', set])),
    )
    assert.match(flies!, /203\.0\.113\.9 counter .*timeout 1h/)
    assert.match(flies6!, /2001:db8:99:: counter .*timeout 1h/)
    for (const set of ['flypaper', 'flypaper6'])
      await host.must(['nft', 'flush', 'set', 'inet', 'filter', set])
    assert.equal(await host.must(['nft', '-s', 'list', 'ruleset']), once)
  })
}

test('the file for boot needs nothing that a kernel could lack, and judges nobody', () => {
  const rulesOf = (name: string) =>
    readFileSync(join('rulesets', name, 'flypaper.nft'), 'utf8')
      .replace(/^\s*#.*\n/gm, '')
      .replace(/comment ".*"/g, '')
  const optional = /\b(queue|log|socket|ct|jump|(add|update) @)\b/
  assert.match(rulesOf('01-laptop'), optional)
  assert.doesNotMatch(rulesOf('10-boot'), optional)
  assert.match(rulesOf('10-boot'), /ip saddr @flypaper goto flypaper_reach/)
})

test('under capture = "auto" generate prints queue, unless told', async () => {
  const [example] = EXAMPLES
  const queue = await generate(example!)
  assert.match(queue, /^\t\tqueue num 4242 comment/m)
  const log = await generate(example!, '--capture', 'log')
  assert.equal(log, queue.replace(/queue num (\d+)/g, 'log group $1'))
})

test('every rule, chain and set says why, to whoever lists the table; the reasons that count are told from all other words', () => {
  const MAX = 127
  for (const closed of ['listening', 'unmatched', 'unaccepted'])
    for (const evidence of ['', 'ping = "silence"\nsilent = ["tcp/113"]']) {
      const { chains, sets } = rulesetOf(
        parseSettings(`closed = "${closed}"\n[evidence]\n${evidence}`, 'test'),
        'log',
      )
      for (const rule of rulesIn(chains)) {
        const comment = commentOf(rule) ?? ''
        assert.ok(rule.why !== undefined && comment.length <= MAX, textsOf(rule)[0])
        assert.match(comment, /^[\x20-\x7e]+$/)
        assert.doesNotMatch(comment, /["\\]/)
        assert.equal(reasonOf(comment), rule.reason, comment)
      }
      for (const { name, why } of [...chains, ...sets])
        assert.ok(why !== '' && why.length <= MAX && !why.includes('"'), name)
    }
})
