/** The process as a whole, with a feed that the test is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runOutside, testWays } from '../../src/outside/outside.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { eventually } from '../support/eventually.ts'
import { fakeOutside, line } from '../support/fake-outside.ts'

const SETTINGS = parseSettings('[notify]\ncommand = ["/bin/true"]\n', 'f')

test('it follows the feed, ends by its signal, and the next one goes on after the last event', async () => {
  const fake = fakeOutside()
  const asked: (string | undefined)[] = []
  const run = async (ids: readonly string[], notices: number) => {
    const end = new AbortController()
    const isEmpty = Promise.withResolvers<void>()
    Object.assign(fake.world.daemon, {
      async *events({ after, signal }: { after: string | undefined; signal: AbortSignal }) {
        asked.push(after)
        for (const id of ids)
          yield line('lockout', fake.at, { id, grade: 'forgeable-known', source: '192.0.2.7' })
        isEmpty.resolve()
        await new Promise(resolve => signal.addEventListener('abort', resolve))
      },
    })
    const running = runOutside(fake.world, SETTINGS, end.signal)
    await isEmpty.promise
    await eventually('status is told', () => fake.status.includes(`"messages":1,"notices":${notices}`))
    end.abort()
    await running
  }
  await run(['a1', 'a2'], 2)
  const kept = () => {
    const { after, ways } = JSON.parse(fake.kept!)
    return [after, ways.command.piles.ours.count]
  }
  assert.deepEqual(kept(), ['a2', 2])
  await run(['a3'], 3)
  assert.deepEqual(asked, [undefined, 'a2'])
  assert.deepEqual(kept(), ['a3', 3])
})

test('it looks the names up, also where nobody is to be told of anything; then events are not asked for', async () => {
  const fake = fakeOutside()
  Object.assign(fake.world.daemon, {
    // biome-ignore lint/correctness/useYield: nobody asks.
    async *events() {
      assert.fail('it asks')
    },
  })
  const end = new AbortController()
  const running = runOutside(fake.world, parseSettings('names = ["home.example.net"]\n', 'f'), end.signal)
  await eventually('the daemon is told', () => fake.named.length === 1)
  end.abort()
  await running
  assert.deepEqual(fake.named, [{ name: 'home.example.net', hosts: ['192.0.2.80'], ttl: 86_400 }])
  assert.deepEqual(fake.logged, ['info: names that are looked up: home.example.net'])
})

test('a feed that cannot be followed is said once, and the rest goes on', async () => {
  const fake = fakeOutside()
  Object.assign(fake.world.daemon, {
    // biome-ignore lint/correctness/useYield: it fails before it has anything to tell.
    async *events() {
      throw new Error('no permission')
    },
  })
  const end = new AbortController()
  const running = runOutside(fake.world, SETTINGS, end.signal)
  await eventually('it is said', () => fake.logged.length === 2)
  end.abort()
  await running
  assert.deepEqual(fake.logged, [
    'info: notifications by command',
    'warn: events cannot be followed: Error: no permission',
  ])
})

test('a test message goes by each way, and each says how it went', async () => {
  const sent: string[] = []
  const fake = fakeOutside({
    async run(_, input) {
      sent.push(input)
    },
    async mail() {
      throw new Error('refused')
    },
  })
  const toml =
    '[notify]\ncommand = ["/bin/true"]\nmail = { to = ["a@b.c"], from = "a@b.c", server = "smtp://localhost" }\n'
  const tested = await testWays(fake.world, parseSettings(toml, 'f'))
  assert.deepEqual(tested, [{ way: 'mail', error: 'Error: refused' }, { way: 'command' }])
  assert.match(sent[0]!, /a test\n\nThis is a test/)
})
