/** The examples in rulesets/ are what is generated, and the real kernel takes them. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { must } from '../support/process.ts'
import { type Host, makeWorld } from '../support/world.ts'

const EXAMPLES = globSync('rulesets/*/flypaperd.toml').sort().map(dirname)

/** The arguments after `generate` are in a file `options`, where there are any. */
async function generate(example: string, ...more: string[]): Promise<string> {
  const options = existsSync(join(example, 'options'))
    ? readFileSync(join(example, 'options'), 'utf8').trim().split(' ')
    : []
  const args = ['generate', '--settings', join(example, 'flypaperd.toml'), ...options, ...more]
  return must([process.execPath, 'src/checkout.ts', ...args])
}

const supportsQueue = async (host: Host) =>
  (
    await host.run(['nft', '--check', '-f', '-'], {
      input: 'table inet probe {\nchain c {\nqueue num 1\n}\n}\n',
    })
  ).code === 0

assert.ok(EXAMPLES.length >= 10)
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
    assert.match(flies!, /203\.0\.113\.9 timeout 1h/)
    assert.match(flies6!, /2001:db8:99:: timeout 1h/)
    for (const set of ['flypaper', 'flypaper6'])
      await host.must(['nft', 'flush', 'set', 'inet', 'filter', set])
    assert.equal(await host.must(['nft', '-s', 'list', 'ruleset']), once)
  })
}

test('the file for boot needs nothing that a kernel could lack, and judges nobody', () => {
  const rulesOf = (name: string) =>
    readFileSync(join('rulesets', name, 'flypaper.nft'), 'utf8').replace(/^\s*#.*\n/gm, '')
  const optional = /\b(queue|log|socket|ct|jump|(add|update) @)\b/
  assert.match(rulesOf('01-laptop'), optional)
  assert.doesNotMatch(rulesOf('10-boot'), optional)
  assert.match(rulesOf('10-boot'), /ip saddr @flypaper drop/)
})

test('under capture = "auto" generate prints queue, unless told; and every rule has a reason', async () => {
  const [example] = EXAMPLES
  const queue = await generate(example!)
  assert.match(queue, /^\t\tqueue num 4242$/m)
  const log = await generate(example!, '--capture', 'log')
  assert.equal(log, queue.replace(/queue num (\d+)/g, 'log group $1'))
  const chains = queue.slice(queue.lastIndexOf('flush set'))
  for (const paragraph of chains.split('\n\n').filter(text => /^\t\t\w/m.test(text))) {
    assert.match(paragraph, /^\t+# |hook/m, paragraph)
  }
})
