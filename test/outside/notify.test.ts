/** What is told of what happens, and when: with a clock whose hands the test moves, and real servers on loopback. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { GATHER_MS, PACE_MS, RETRY_MAX_MS } from '../../src/outside/notify/delivery.ts'
import type { Message } from '../../src/outside/notify/message.ts'
import { LINES_MAX } from '../../src/outside/notify/notice.ts'
import { openNotify } from '../../src/outside/notify/notify.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { STATUS } from '../support/daemon-status.ts'
import { BEGIN, fakeOutside, line, WELL } from '../support/fake-outside.ts'
import { mmdb } from '../support/mmdb.ts'
import { mailSink, webSink } from '../support/sinks.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const COMMAND = '[notify]\ncommand = ["/bin/true"]\n'
const OURS = { grade: 'forgeable-known', source: '192.0.2.7' }

/** Notifications by a command that the test is; `step` moves the clock by so much and tries what is due. */
function told(toml = COMMAND, kept?: string) {
  const messages: string[] = []
  let isDown = false
  const fake = fakeOutside({
    async run(_program, input) {
      if (isDown) throw new Error('down')
      messages.push(input)
    },
  })
  fake.kept = kept
  const notify = openNotify(fake.world, parseSettings(toml, 'f'))
  return {
    fake,
    messages,
    notify,
    down: (is: boolean) => {
      isDown = is
    },
    async step(ms: number) {
      fake.at += ms
      await notify.step()
    },
  }
}

test('10,000 are one message with an honest count, and those after it are another, ten minutes later; one is one', async () => {
  const { fake, messages, notify, step } = told()
  for (let i = 0; i < 10_000; i++) notify.event(line('lockout', fake.at + (i % 5000), OURS))
  await step(GATHER_MS - 1)
  assert.equal(messages.length, 0, 'what comes with it is waited for')
  await step(1)
  assert.equal(messages.length, 1)
  assert.match(messages[0]!, /^flypaperd on gate: somebody of yours was locked out or spared\n\n/)
  assert.match(messages[0]!, /\nand 9,980 more since 2026-11-24 \S+ \S+, the last at 2026-11-24/)
  assert.equal([...messages[0]!.matchAll(/ {2}lockout 192\.0\.2\.7 /g)].length, LINES_MAX)

  notify.event(line('lockout', fake.at, OURS))
  notify.event(line('rearmed', fake.at))
  await step(GATHER_MS)
  assert.equal(messages.length, 2, 'another kind has a pace of its own')
  assert.match(messages[1]!, /trouble with the trap\n\n.*rearmed/)
  await step(PACE_MS - GATHER_MS - 1)
  assert.equal(messages.length, 2)
  await step(1)
  assert.equal(messages.length, 3, 'the control: one is one message')
  assert.doesNotMatch(messages[2]!, / more since /)
  await step(24 * 60 * MINUTE)
  assert.equal(messages.length, 3, 'nothing is told twice')
})

test('who is nobody of ours is not told, nor a kind that nobody wants', async () => {
  const { fake, messages, notify, step } = told('[notify]\ncommand = ["/bin/true"]\nkinds = ["ours"]\n')
  notify.event(line('lockout', fake.at, { grade: 'forgeable', source: '192.0.2.7' }))
  notify.event(line('spared', fake.at, { because: 'late', source: '192.0.2.7' }))
  notify.event(line('free', fake.at, { source: '192.0.2.7' }))
  notify.event(line('rearmed', fake.at))
  await step(HOUR)
  assert.deepEqual(messages, [])
  notify.event(line('spared', fake.at, { because: 'peer', source: '192.0.2.7', count: 12 }))
  await step(GATHER_MS)
  assert.equal(messages.length, 1, 'the control')
})
test('from where somebody logged in is somebody of ours, also by the /64 that sticks', async () => {
  const { fake, messages, notify, step } = told()
  const stranger = (source: string) =>
    line('lockout', fake.at, { grade: 'forgeable', source, text: `lockout ${source}` })
  Object.assign(fake.world, { lastLogins: () => ({ addresses: ['203.0.113.9', '2001:db8:1:2::5'] }) })
  notify.readLogins()
  for (const source of ['203.0.113.8', '203.0.113.9', '2001:db8:1:2::/64', '2001:db8:1:3::/64', 'nonsense'])
    notify.event(stranger(source))
  await step(GATHER_MS)
  assert.deepEqual(
    [...messages[0]!.matchAll(/lockout (\S+) \(somebody logged in from there\)/g)].map(([, who]) => who),
    ['203.0.113.9', '2001:db8:1:2::/64'],
  )
})

test('where logins cannot be read, that is said once', () => {
  const { fake, notify } = told()
  Object.assign(fake.world, {
    lastLogins: () => ({ unreadable: 'missing', because: '/var/log/wtmp: there is no such file' }),
  })
  notify.readLogins()
  notify.readLogins()
  assert.deepEqual(fake.logged, [
    'warn: who logged in last cannot be read (/var/log/wtmp: there is no such file): only hosts that the daemon knows count as ours',
  ])
})

test('the trap: told once when it is not well for a minute, with why; and when it is well again; a restart is not told', async () => {
  const { fake, messages, notify, step } = told()
  const look = async (ms: number) => {
    await step(ms)
    await notify.look()
  }
  await look(0)
  fake.look = undefined
  await look(30_000)
  fake.look = WELL
  await look(20_000)
  await step(HOUR)
  assert.deepEqual(messages, [], 'a restart')

  notify.event(line('disarmed', fake.at, { text: 'trap disarmed, 3 flies stay in the set' }))
  fake.look = undefined
  for (let i = 0; i < 10; i++) await look(30_000)
  assert.equal(messages.length, 1)
  assert.match(messages[0]!, /no daemon answers; the last that was heard of it: trap disarmed, 3 flies/)
  fake.look = {
    ...WELL,
    lines: [
      { label: 'process', ok: true },
      { label: 'integration into input', ok: false, reason: 'gone' },
    ],
  }
  await look(30_000)
  fake.look = WELL
  await look(30_000)
  await step(PACE_MS)
  assert.equal(messages.length, 2)
  assert.match(messages[1]!, /armed and well again; it was not since 2026-11-24T11:/)
})

test('a trap that others took out, and a daemon that may not be asked, are told as such', async () => {
  const { fake, messages, notify, step } = told()
  fake.look = { ...WELL, lines: [{ label: 'integration into input', ok: false, reason: 'no rule jumps' }] }
  await notify.look()
  await step(MINUTE)
  await notify.look()
  await step(GATHER_MS)
  assert.match(messages[0]!, /not as it should be: integration into input is missing \(no rule jumps\)/)
})

test('what fails and the promotion limit are told by what has been counted since; another daemon counts anew', async () => {
  const { fake, messages, notify, step } = told()
  const counted = (more: object, history = {}) => {
    fake.look = {
      ...WELL,
      status: {
        ...STATUS,
        counts: { ...STATUS.counts, ...more },
        history: { waiting: 0, lost: 0, ...history },
      },
    }
  }
  counted({ deferred: 0 })
  await notify.look()
  await step(HOUR)
  assert.equal(messages.length, 0, 'nothing was counted')
  counted({ deferred: 9999, overflow: 1 }, { hangsSince: fake.at, lost: 2 })
  await notify.look()
  await notify.look()
  await step(GATHER_MS)
  assert.equal(messages.length, 2)
  assert.match(messages[0]!, /something fails\n/)
  assert.match(messages[0]!, /the flypaper is full: 1 offender more/)
  assert.match(messages[0]!, /2 lockouts and releases could not be written/)
  assert.match(messages[0]!, /the disk of the history does not answer since 2026-11-24T11:/)
  assert.equal([...messages[0]!.matchAll(/does not answer/g)].length, 1)
  assert.match(messages[1]!, /promotion limit is in force\n\n.* 9,999 sources more are held only/)
  counted({ deferred: 5 })
  fake.look = { ...fake.look!, status: { ...fake.look!.status, pid: 4712 } }
  await notify.look()
  notify.event(
    line('alarm', fake.at, {
      level: 'error',
      text: 'the history cannot be written: no space left on device',
    }),
  )
  await step(PACE_MS)
  assert.equal(messages.length, 4)
  assert.match(messages[2]!, /no space left on device/)
  assert.match(messages[3]!, / 5 sources more/)
})

test('an outage of ten minutes loses none of the kinds: a mail server and a web server that are away and come back', async () => {
  await using open = new AsyncDisposableStack()
  let mails = open.use(await mailSink())
  let web = open.use(await webSink())
  const ports = { mail: mails.port, web: web.port }
  const fake = fakeOutside()
  const toml = `[notify]
mail = { to = ["root@example.org"], from = "gate@example.org", server = "smtp://localhost:${ports.mail}" }
webhook = { url = "http://127.0.0.1:${ports.web}/hook" }
`
  const notify = openNotify(fake.world, parseSettings(toml, 'f'))
  const step = async (ms: number) => {
    fake.at += ms
    await notify.step()
  }
  notify.event(line('lockout', fake.at, OURS))
  await step(GATHER_MS)
  assert.deepEqual([mails.taken.length, web.taken.length], [1, 1], 'the control: both are well')

  await mails[Symbol.asyncDispose]()
  await web[Symbol.asyncDispose]()
  const away = fake.at + PACE_MS
  fake.at = away
  for (let second = 0; second < 600; second += 10) {
    fake.look = second < 300 ? WELL : undefined
    notify.event(line('lockout', fake.at, OURS))
    if (second % 60 === 0) notify.event(line('rearmed', fake.at))
    if (second === 100) notify.event(line('alarm', fake.at, { level: 'error' }))
    fake.look = { ...WELL, status: { ...STATUS, counts: { ...STATUS.counts, deferred: second } } }
    await notify.look()
    await step(10_000)
  }
  const standing = JSON.parse(fake.status) as { ways: { name: string; messages: number; error: string }[] }
  assert.deepEqual(
    standing.ways.map(({ name, messages }) => [name, messages]),
    [
      ['mail', 4],
      ['webhook', 4],
    ],
  )
  assert.match(standing.ways[0]!.error, /mail server localhost, port \d+, refuses: .*ECONNREFUSED/)
  const warned = fake.logged.filter(text => text.startsWith('warn'))
  assert.equal(warned.length, 2, `each says it once: ${warned}`)

  mails = open.use(await mailSink({ port: ports.mail }))
  web = open.use(await webSink({ port: ports.web }))
  for (let ms = 0; ms <= RETRY_MAX_MS; ms += 10_000) await step(10_000)
  const bodies = web.taken.map(({ body }) => JSON.parse(body) as Message)
  assert.deepEqual(bodies.map(({ kind, count }) => [kind, count]).sort(), [
    ['failing', 1],
    ['limit', 590],
    ['ours', 60],
    ['trap', 10],
  ])
  assert.deepEqual(mails.taken.map(({ text }) => /^X-Flypaperd-Kind: (\w+)\r$/m.exec(text)?.[1]).sort(), [
    'failing',
    'limit',
    'ours',
    'trap',
  ])
  assert.equal(fake.logged.filter(text => /for the first time since/.test(text)).length, 2)
  assert.match(fake.status, /"messages":0/)
})

test('a restart: what waits is told by the next process, what was told is not, and the feed goes on where it was', async () => {
  const first = told()
  first.down(true)
  for (const id of ['a1', 'a2', 'a3']) first.notify.event(line('lockout', first.fake.at, { ...OURS, id }))
  await first.step(GATHER_MS)
  assert.match(first.fake.logged[0]!, /^warn: command cannot be delivered, and is tried again: Error: down$/)
  first.notify.save()

  const second = told(COMMAND, first.fake.kept)
  assert.equal(second.notify.after(), 'a3')
  await second.step(HOUR)
  assert.equal(second.messages.length, 1)
  assert.equal([...second.messages[0]!.matchAll(/ {2}lockout/g)].length, 3)

  const third = told(COMMAND, second.fake.kept)
  await third.step(HOUR)
  assert.deepEqual(third.messages, [])
  const broken = told(COMMAND, '{"ways": 1}')
  assert.match(broken.fake.logged[0]!, /cannot be read/)
})

test('what is being sent while the process ends is kept, and what comes meanwhile is not lost', async () => {
  const sent = Promise.withResolvers<void>()
  const fake = fakeOutside({ run: () => sent.promise })
  const notify = openNotify(fake.world, parseSettings(COMMAND, 'f'))
  notify.event(line('lockout', fake.at, OURS))
  fake.at += GATHER_MS
  const stepping = notify.step()
  await new Promise(setImmediate)
  notify.event(line('lockout', fake.at, OURS))
  notify.save()
  assert.match(fake.kept!, /"count":2/)
  sent.resolve()
  await stepping
  assert.match(fake.kept!, /"count":1/, 'one is told, the other waits')
})

const REPORT = {
  ...{
    since: BEGIN - 24 * HOUR,
    until: BEGIN,
    days: [],
    lockouts: 3,
    attackers: 2,
    attackers6: 0,
    ports: [],
  },
  ...{ networks: [], repeaters: [], reasons: [], spared: [], alsoTried: [], overflow: undefined },
}

test('the digest: when it is due, since the one before; not at the first start, and late where there was no daemon', async () => {
  process.env.TZ = 'UTC'
  const { fake, messages, notify, step } = told(
    '[notify]\ncommand = ["/bin/true"]\ndigest = "daily"\nat = "11:00"\n',
  )
  await step(0)
  await step(HOUR - 1)
  assert.deepEqual(messages, [])
  await step(1)
  assert.deepEqual(messages, [], 'there is no daemon')
  assert.match(fake.logged[0]!, /the digest cannot be made yet: .*no daemon answers/)
  fake.report = REPORT
  await step(30_000)
  assert.match(messages[0]!, /^flypaperd on gate: 3 lockouts of 2 attackers\n\nFrom 2026-11-23 10:00:00/)
  await step(23 * HOUR)
  assert.equal(messages.length, 1)
  await step(HOUR)
  assert.equal(messages.length, 2)
  assert.ok(notify)
  assert.doesNotMatch(messages[1]!, /countries/i)
})

test('the digest tells countries where the settings name a database', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-digest-'))
  try {
    const file = join(directory, 'country.mmdb')
    writeFileSync(file, mmdb({ '198.51.100.0/24': { country_code: 'DE' } }))
    const { fake, messages, step } = told(
      `geo.country = "${file}"\n[notify]\ncommand = ["/bin/true"]\ndigest = "daily"\nat = "11:00"\n`,
    )
    fake.report = REPORT
    fake.sources = ['198.51.100.7', '198.51.100.8', '203.0.113.7']
    await step(0)
    await step(HOUR)
    assert.match(messages[0]!, /countries[\s\S]*DE +2\b/i)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
