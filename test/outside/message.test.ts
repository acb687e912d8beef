/** What messages look like: test/outside/shown/. After a change: UPDATE=1 npm test -- test/outside/message.test.ts, and read the difference. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, lastDue, sinceOf } from '../../src/outside/notify/digest.ts'
import { messageOf, testMessage } from '../../src/outside/notify/message.ts'
import { LINE_MAX, LINES_MAX, pileOf, together } from '../../src/outside/notify/notice.ts'
import { bodyOf } from '../../src/outside/notify/templates.ts'
import { TEMPLATES } from '../../src/settings/settings.ts'
import { BEGIN } from '../support/fake-outside.ts'
import { compare } from '../support/shown.ts'

process.env.TZ = 'UTC'
const DAY = 86_400_000
const EVIL =
  'lockout 192.0.2.7: \x1b[2J``` @everyone <!channel> <https://evil.example|bank>\r\nBcc: all@example.org \u202e'

const days = Array.from({ length: 7 }, (_, i) => ({
  day: new Date(BEGIN - (6 - i) * DAY).toISOString().slice(0, 10),
  attackers: [31, 28, 44, 9, 0, 71, 12][i]!,
}))
const REPORT = {
  ...{ since: BEGIN - 7 * DAY, until: BEGIN, days, lockouts: 1204, attackers: 187, attackers6: 12 },
  ports: [
    { proto: 'tcp', number: 23, lockouts: 640 },
    { proto: 'tcp', number: 8443, lockouts: 311 },
    { proto: 'udp', number: 161, lockouts: 92 },
  ],
  networks: [{ network: '203.0.113.0/24', attackers: 41 }],
  repeaters: [{ source: '198.51.100.7', times: 17 }],
  reasons: [{ because: 'closed-port', lockouts: 1180 }],
  spared: [{ because: 'peer', packets: 31, sources: 4 }],
  alsoTried: [],
  overflow: { lost: 0, overruns: 0 },
}

test('messages, word for word', () => {
  let pile = pileOf({ kind: 'ours', at: BEGIN, text: EVIL }, BEGIN)
  for (let i = 1; i < 300; i++)
    pile = together(
      pile,
      pileOf({ kind: 'ours', at: BEGIN + i * 1000, text: `spared 192.0.2.${i % 250}` }, BEGIN + i),
    )
  const ours = messageOf('ours', pile, 'gate')
  const trap = messageOf(
    'trap',
    pileOf({ kind: 'trap', at: BEGIN, text: 'no daemon answers' }, BEGIN),
    'gate',
  )
  const digest = digestOf(REPORT, 'gate')
  const bodies = TEMPLATES.map(template => {
    const { headers, body } = bodyOf(template, trap)
    return `--- ${template}\n${JSON.stringify(headers)}\n${body}\n`
  })
  const letters = [ours, trap, digest, testMessage('gate', BEGIN)].map(
    ({ subject, text }) => `--- ${subject}\n${text}`,
  )
  compare('test/outside/shown/messages.txt', [...letters, ...bodies].join('\n'))
})

test('text of a stranger stays text, whatever the template', () => {
  const pile = pileOf({ kind: 'ours', at: BEGIN, text: EVIL }, BEGIN)
  const message = messageOf('ours', pile, 'gate\r\nBcc: all@example.org')
  assert.equal(
    message.subject,
    'flypaperd on gate__Bcc__all_example.org: somebody of yours was locked out or spared',
  )
  for (const template of TEMPLATES) {
    const { headers, body } = bodyOf(template, message)
    for (const value of Object.values(headers)) assert.match(value, /^[\x20-\x7e]*$/)
    assert.doesNotMatch(body, /\x1b|\u202e|\r/)
  }
  const slack = JSON.parse(bodyOf('slack', message).body).text as string
  assert.doesNotMatch(slack, /[<>]/)
  assert.equal([...slack.matchAll(/```/g)].length, 2, 'the fence is ours')
  const discord = JSON.parse(bodyOf('discord', message).body)
  assert.deepEqual(discord.allowed_mentions, { parse: [] })
  assert.equal([...discord.content.matchAll(/```/g)].length, 2)
})

test('a message is as long as what takes it allows, however much there is to tell', () => {
  let pile = pileOf({ kind: 'ours', at: BEGIN, text: 'ä'.repeat(10_000) }, BEGIN)
  for (let i = 0; i < 100; i++) pile = together(pile, pile)
  assert.equal(pile.lines.length, LINES_MAX)
  assert.equal(pile.lines[0]!.text.length, LINE_MAX)
  const message = messageOf('ours', pile, 'gate')
  assert.ok(Buffer.byteLength(bodyOf('ntfy', message).body) <= 4096)
  assert.ok(JSON.parse(bodyOf('discord', message).body).content.length <= 2000)
  assert.ok(bodyOf('json', message).body.length < 50_000)
})

test('when a digest is due: each day, or each Monday, and what it reports', () => {
  const at = 8 * 60
  const wednesday = Date.UTC(2026, 10, 25, 7, 59)
  const iso = (ms: number | undefined) => ms && new Date(ms).toISOString()
  assert.equal(iso(lastDue({ digest: 'daily', at }, wednesday)), '2026-11-24T08:00:00.000Z')
  assert.equal(iso(lastDue({ digest: 'daily', at }, wednesday + 60_000)), '2026-11-25T08:00:00.000Z')
  assert.equal(iso(lastDue({ digest: 'weekly', at }, wednesday)), '2026-11-23T08:00:00.000Z')
  assert.equal(lastDue({ digest: 'off', at }, wednesday), undefined)
  const due = Date.UTC(2026, 10, 23, 8)
  assert.equal(sinceOf({ digest: 'weekly' }, due, undefined), due - 7 * DAY)
  assert.equal(sinceOf({ digest: 'daily' }, due, due - 3 * DAY), due - 3 * DAY, 'two were missed')
  assert.equal(sinceOf({ digest: 'daily' }, due, due - 300 * DAY), due - 31 * DAY)
})
