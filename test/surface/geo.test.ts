/** Country and network in list, why and report, where the settings name databases; and without them, where these are of no use. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { NO_FOLDERS } from '../../src/settings/sources.ts'
import { Flies } from '../../src/surface/cli/answers.ts'
import { type Geo, PLACED_MAX, placesOf } from '../../src/surface/cli/geo.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openSystem } from '../../src/system/system.ts'
import { Failure } from '../../src/terms/failure.ts'
import { HOUR, lockout } from '../history/lockouts.ts'
import { mmdb } from '../support/mmdb.ts'
import { shown, TERMINALS } from '../support/shown.ts'

const NOW = Date.parse('2026-11-24T12:00:00Z')
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-geo-'))
after(() => rmSync(directory, { recursive: true }))
const at = (name: string) => join(directory, name)

writeFileSync(
  at('country.mmdb'),
  mmdb({
    '198.51.100.0/24': { country_code: 'DE' },
    '203.0.113.0/25': { country: { iso_code: 'FR', names: { en: 'France' } } },
    '2001:db8::/32': { registered_country: { iso_code: 'NL' } },
    '192.0.2.0/24': { country_code: 'not two letters' },
  }),
)
writeFileSync(
  at('asn.mmdb'),
  mmdb({
    '198.51.100.0/24': {
      autonomous_system_number: 64_500,
      autonomous_system_organization: 'Evil \x1b[2J Lines',
    },
    '2001:db8::/32': { autonomous_system_number: 64_501 },
  }),
)
using history = openHistoryFile(at('history.db'))
history.add(
  ['198.51.100.1', '198.51.100.2', '203.0.113.9', '203.0.113.200', '2001:db8:1:2::/64', '192.0.2.9'].map(
    (source, i) => lockout({ source, since: NOW - HOUR - i, until: NOW + HOUR }),
  ),
)

async function run(command: string, toml: string, terminal = TERMINALS.pipe) {
  const system = {
    ...openSystem({ socket: at('control.sock'), state: directory }),
    now: () => NOW,
    folders: NO_FOLDERS,
    readText: () => ({ text: toml }),
    openFirewall: (() => {
      throw new Failure('no permission', { exit: 77 })
    }) as never,
  }
  return await shown(command.split(' '), terminal, system)
}
const BOTH = `[geo]\ncountry = "${at('country.mmdb')}"\nasn = "${at('asn.mmdb')}"\n`

test('list has columns and keys where there is such a database, and none where there is not', async () => {
  const text = await run('list', BOTH)
  assert.match(text, /^SOURCE .* GRADE +COUNTRY +NETWORK$/m)
  assert.match(text, /^198\.51\.100\.1 .* DE +AS64500 Evil \\x1b\[2J Lines$/m)
  assert.match(text, /^203\.0\.113\.9 .* FR +-$/m)
  assert.match(text, /^2001:db8:1:2::\/64 .* NL +AS64501$/m)
  assert.match(text, /^203\.0\.113\.200 .* - +-$/m)
  const flies = Flies.parse(JSON.parse(await run('list --json', BOTH)))
  const placeOf = (who: string) => {
    const { country, asn, asName } = flies.find(({ source }) => source === who)!
    return [country, asn, asName]
  }
  assert.deepEqual(placeOf('198.51.100.1'), ['DE', 64_500, 'Evil \x1b[2J Lines'])
  assert.deepEqual(placeOf('192.0.2.9'), [undefined, undefined, undefined], 'what is no country is none')
  assert.deepEqual(placeOf('203.0.113.9'), ['FR', undefined, undefined])
  assert.match(await run('list', `geo.country = "${at('country.mmdb')}"`), /GRADE +COUNTRY$/m)
  const without = await run('list', '')
  assert.doesNotMatch(without, /COUNTRY|NETWORK|geo/)
  assert.deepEqual(
    Object.keys(JSON.parse(await run('list --json', ''))[0]).filter(key => /country|as/.test(key)),
    [],
  )
  for (const line of (await run('list', BOTH, TERMINALS['80'])).split('\n'))
    assert.ok(line.length <= 80, line)
})

test('why and report say it as well', async () => {
  assert.match(await run('why 2001:db8:1:2::7', BOTH), /^Country: NL\nNetwork: AS64501$/m)
  assert.equal(JSON.parse(await run('why 198.51.100.2 --json', BOTH))[0].asn, 64_500)
  const report = await run('report --since 1d', BOTH)
  assert.match(report, /Countries that most came from\n +COUNTRY +ATTACKERS\n +DE +2\n/)
  assert.match(
    report,
    /Autonomous systems that most came from\n +NETWORK +ATTACKERS\n +AS64500 Evil \\x1b\[2J Lines +2\n/,
  )
  const { countries, asNumbers } = JSON.parse(await run('report --json --since 1d', BOTH))
  assert.deepEqual(countries[0], { country: 'DE', attackers: 2 })
  assert.deepEqual(asNumbers[1], { asn: 64_501, attackers: 1 })
  assert.match(await run('report --csv --since 1d', BOTH), /^country,DE,2$(.|\n)*^as,64500,2$/m)
  assert.doesNotMatch(await run('report --since 1d', ''), /Countries|Autonomous/)
})

test('a file that is of no use is said once, and everything else is told', async () => {
  const whole = mmdb({ '198.51.100.0/24': { country_code: 'DE' } })
  writeFileSync(at('text'), 'no database\n'.repeat(1000))
  writeFileSync(at('half'), whole.subarray(0, whole.length / 2))
  // The last of the 120 nodes points beyond the data.
  const astray = Buffer.from(whole)
  astray.writeUIntBE(0xfffff0, 6 * 119, 3)
  writeFileSync(at('astray'), astray)
  writeFileSync(at('huge'), '')
  truncateSync(at('huge'), 134_217_729)
  mkdirSync(at('folder'))
  for (const [file, why] of [
    ['missing', 'there is no such file'],
    ['folder', 'it is a directory'],
    ['text', "it is no database in MaxMind's format"],
    ['half', "it is no database in MaxMind's format"],
    ['astray', 'it is damaged'],
    ['huge', 'it is too large for one'],
  ] as const) {
    const text = await run('list', `geo.country = "${at(file)}"`)
    assert.equal(text.split('geo.country is left out').length, 2, `${file}: ${text}`)
    assert.ok(text.includes(`${at(file)}: ${why}`), text)
    assert.match(text, /^198\.51\.100\.1 /m, file)
  }
})

test('of more lockouts than are looked at the newest count, each source once', async () => {
  const geo: Geo = { hasCountry: true, hasNetwork: false, of: () => ({ country: 'DE' }) }
  async function* pages(count: number) {
    for (let from = 0; from < count; from += 1000)
      yield Array.from({ length: 1000 }, (_, i) => ({ source: String((from + i) >> 1) }))
  }
  const all = await placesOf(geo, pages(PLACED_MAX))
  assert.deepEqual(all, {
    countries: [{ country: 'DE', attackers: PLACED_MAX / 2 }],
  })
  assert.deepEqual(await placesOf(geo, pages(2 * PLACED_MAX)), { ...all, isPart: true })
})
