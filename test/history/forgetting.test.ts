/** A person is forgotten: no row, no column and no byte of the file names him, and everything else stays as it was. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { History } from '../../src/history/history.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { lockout } from './lockouts.ts'

const WHO = '203.0.113.77'
const OTHER = '198.51.100.8'
const NOW = Date.UTC(2026, 10, 24, 12)
const prefixes = (...texts: string[]) => texts.map(text => parsePrefix(text)!)
const sighting = (source: string) => ({
  source: source as Fly,
  because: 'known' as const,
  count: 1,
  first: NOW,
  last: NOW,
  tried: { kind: 'tcp' as const, port: 81, flags: 2 },
  evidence: [{ what: 'tcp/81', weight: 2 }],
})
const sample = (source: string) => ({ source: source as Fly, since: NOW, last: NOW, ports: ['tcp/22'] })

function forget(history: History, ...who: string[]) {
  const names = history.forgetNames(prefixes(...who))
  const sum = { lockouts: 0, senders: 0 }
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = history.forgetPage(prefixes(...who), after)
    sum.lockouts += page.lockouts
    sum.senders += page.senders
    after = page.next
  }
  return { ...names, ...sum, scoured: history.scour() }
}

function withFile(use: (file: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-forgetting-'))
  try {
    use(join(directory, 'history.db'))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The bytes of all that SQLite keeps, as text. */
function bytesOf(file: string): string {
  const files = ['', '-wal', '-journal'].map(suffix => `${file}${suffix}`).filter(path => existsSync(path))
  return files.map(path => readFileSync(path, 'latin1')).join('')
}

test('rows, sightings and samples go, and their bytes in the file and its log, also those of before; totals of days stay', () => {
  withFile(file => {
    using history = openHistoryFile(file)
    for (let day = 0; day < 5; day++)
      history.add(
        [WHO, OTHER].map(source =>
          lockout({ source, since: NOW + day * 86_400_000, until: NOW + day * 86_400_000 + 1 }),
        ),
      )
    history.addSightings([sighting(WHO), sighting(OTHER)])
    history.addSamples([sample(WHO), sample(OTHER)])
    const before = history.sums(NOW - 1)
    assert.ok(bytesOf(file).includes(WHO), 'the control')

    assert.deepEqual(forget(history, WHO), {
      lockouts: 5,
      senders: 0,
      sightings: 1,
      samples: 1,
      scoured: true,
    })
    assert.ok(!bytesOf(file).includes(WHO))
    assert.ok(bytesOf(file).includes(OTHER), 'the control')
    assert.deepEqual([history.knows(WHO as Fly), history.knows(OTHER as Fly)], [false, true])
    assert.deepEqual([history.sightingsOf([WHO]), history.sampleOf([WHO])], [[], undefined])
    assert.equal(history.sightingsOf([OTHER]).length, 1)
    const { days, lockouts } = history.sums(NOW - 1)
    assert.deepEqual(days, before.days, 'two attackers a day still')
    assert.equal(lockouts, 5)
    assert.deepEqual(forget(history, WHO), {
      lockouts: 0,
      senders: 0,
      sightings: 0,
      samples: 0,
      scoured: true,
    })
  })
})

test('what earlier deletions have left in free pages is gone as well', () => {
  withFile(file => {
    {
      using history = openHistoryFile(file)
      history.addSamples(Array.from({ length: 3000 }, (_, n) => sample(`203.0.${n >> 8}.${n & 255}`)))
    }
    const sqlite = new DatabaseSync(file)
    sqlite.exec('DELETE FROM sampled')
    sqlite.close()
    using history = openHistoryFile(file)
    history.add([lockout({ source: OTHER })])
    assert.deepEqual(
      [history.sampleOf(['203.0.1.7']), bytesOf(file).includes('203.0.1.7')],
      [undefined, true],
    )
    forget(history, '203.0.1.7')
    assert.ok(!bytesOf(file).includes('203.0.1.7'))
    assert.ok(history.knows(OTHER as Fly))
  })
})

test('the newest row keeps its number, and names nobody', () => {
  withFile(file => {
    using history = openHistoryFile(file)
    history.add([
      lockout({ source: OTHER, since: NOW }),
      lockout({ source: WHO, since: NOW, until: NOW + 1000 }),
    ])
    const [{ id } = { id: 0 }] = history.newest(1)
    assert.equal(forget(history, WHO).lockouts, 1)
    const [newest] = history.newest(1)
    assert.deepEqual(newest, {
      id,
      source: '0.0.0.0',
      because: 'by-hand',
      grade: 'by-hand',
      note: 'forgotten',
      since: NOW,
      until: NOW,
      times: 1,
    })
    assert.ok(!bytesOf(file).includes(WHO))
    assert.equal(history.count(NOW), 1, 'it is no fly')
    assert.equal(history.sums(NOW - 1).days[0]?.attackers, 2)
    history.add([lockout({ source: '198.51.100.9' })])
    assert.equal(history.newest(1)[0]?.id, id + 1)
    assert.equal(forget(history, OTHER).lockouts, 1, 'one that is not the newest goes')
    assert.equal(history.newest(9).length, 1, 'and so does the empty row')
  })
})

test('alarms that name somebody go with him, however the sentence goes on; those of others stay', () => {
  withFile(file => {
    using history = openHistoryFile(file)
    const alarm = (text: string) => history.note({ event: 'alarm', text }, NOW)
    for (const who of [WHO, '2001:db8:1:2::5'])
      for (const text of [
        `${who}: no room`,
        `of ${who}, and more`,
        `it is ${who}.`,
        `(${who})`,
        `${who}/128`,
      ])
        alarm(text)
    alarm(`${WHO}9: no room`)
    alarm('2001:db8:1:2::55: no room')
    forget(history, WHO)
    forget(history, '2001:db8:1:2::5')
    const { lines } = history.feedPage({ after: 'start', spared: false, dryRun: false }, NOW)
    const told = lines.map(line => JSON.parse(line)).filter(({ event }) => event === 'alarm')
    assert.deepEqual(
      told.map(({ text }) => text),
      [`${WHO}9: no room`, '2001:db8:1:2::55: no room'],
    )
  })
})

test('a /64 concerns others as well: its row stays without the sender; named itself, it goes, with single hosts in it', () => {
  withFile(file => {
    using history = openHistoryFile(file)
    const [host, net] = ['2001:db8:1:2::5', '2001:db8:1:2::/64']
    history.add([
      lockout({ source: net, packetSource: host as Address }),
      lockout({ source: '2001:db8:1:3::/64', packetSource: '2001:db8:1:3::5' as Address }),
      lockout({ source: host }),
      lockout({ source: OTHER, hook: 'forward', forwardedTo: host as Address }),
      lockout({ source: '2001:db8::/32', because: 'by-hand', grade: 'by-hand' }),
      lockout({ source: '198.51.100.99' }),
    ])
    const { lockouts, senders } = forget(history, host)
    assert.deepEqual([lockouts, senders], [1, 2])
    assert.ok(!bytesOf(file).includes(host))
    const of = (source: string) => history.find(source as Fly, 0)
    assert.deepEqual([of(net)?.packetSource, of(OTHER)?.forwardedTo], [net, undefined])
    assert.equal(of('2001:db8:1:3::/64')?.packetSource, '2001:db8:1:3::5', 'the control')
    assert.equal(forget(history, net).lockouts, 1)
    assert.deepEqual([of(net), of('2001:db8::/32')?.source], [undefined, '2001:db8::/32'])
  })
})

test('a table of several pieces is gone through to its end', () => {
  withFile(file => {
    using history = openHistoryFile(file)
    const all = Array.from({ length: 5000 }, (_, n) => lockout({ source: `10.${n >> 8}.${n & 255}.1` }))
    history.add([
      lockout({ source: WHO }),
      ...all,
      lockout({ source: '203.0.113.78' }),
      lockout({ source: OTHER }),
    ])
    assert.equal(forget(history, '203.0.113.0/24').lockouts, 2)
    assert.equal(history.count(0), 5001)
  })
})

test('while somebody reads the file it is said that its bytes are left, and the next time they go', () => {
  withFile(file => {
    using history = openHistoryFile(file)
    history.add([lockout({ source: WHO }), lockout({ source: OTHER })])
    {
      using reader = openHistoryFile(file, { readOnly: true })
      const reading = reader.select({}, 0, 'times')[Symbol.iterator]()
      reading.next()
      assert.equal(forget(history, WHO).scoured, false)
      reading.return?.()
    }
    assert.equal(forget(history, WHO).scoured, true)
    assert.ok(!bytesOf(file).includes(WHO))
  })
})
