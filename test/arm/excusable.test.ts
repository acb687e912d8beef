/** Which ports the daemon puts into `flypaper_excusable`, for how long, and how often it writes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EXCUSED_PORTS_MAX,
  EXCUSED_SECONDS_MAX,
  openExcuses,
  PORTS_READ_MAX,
} from '../../src/arm/excusable.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { type ServedPort, servedChanges } from '../../src/arm/surroundings.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { closedMode } from '../../src/settings/settings.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const SERVED = 600
/** Neither lists of the settings, so that only what was served is there. */
const BARE = '[evidence]\nexcusable = []\nsisters = []'

/** A daemon that looks once a minute, and a clock. */
function laboratory(toml = BARE) {
  const clock = { now: 1_000 * DAY }
  const firewall = fakeFirewall({ now: () => clock.now })
  const notes = new Map<string, string>()
  const memory = {
    getMeta: (key: string) => notes.get(key),
    setMeta: (key: string, value: string) => void notes.set(key, value),
  }
  const here = { open: [] as ServedPort[], settings: settingsOf(toml) }
  const load = () => firewall.load(render(rulesetOf(here.settings, 'log')))
  load()
  let excuses = openExcuses(firewall, memory)
  const around = { served: () => here.open, localPorts: () => [32_768, 60_999] as const }
  /** Returns how many elements were written. */
  const look = () => {
    const changes = excuses.changes(here.settings, around, clock.now)
    const served = here.settings.closed === 'unmatched' ? [] : servedChanges(here.open)
    firewall.change([...changes, ...served])
    return changes.reduce((sum, change) => sum + ('elements' in change ? change.elements.length : 0), 0)
  }
  return {
    here,
    firewall,
    notes,
    load,
    look,
    /** So many milliseconds in which the daemon looks once a minute; returns what was written. */
    pass(ms: number): number {
      let written = 0
      for (const end = clock.now + ms; clock.now < end; ) {
        clock.now += Math.min(MINUTE, end - clock.now)
        written += look()
      }
      return written
    },
    sleep(ms: number) {
      clock.now += ms
    },
    restart() {
      excuses = openExcuses(firewall, memory)
    },
    left: (port: string) => firewall.elementsOf('flypaper_excusable').get(port),
    all: () => [...firewall.elementsOf('flypaper_excusable').keys()],
  }
}

function settingsOf(toml: string) {
  const settings = parseSettings(toml, 'test')
  return { ...settings, closed: closedMode(settings) }
}

function assertAbout(seconds: number | undefined, most: number): void {
  assert.ok(seconds !== undefined && seconds <= most && seconds >= most * 0.87, `${seconds} of ${most}`)
}

test('a port that was open for an hour is excusable for an hour after it was served; at most for a day', () => {
  const { here, look, pass, left, sleep } = laboratory()
  here.open = [[6, 8081]]
  look()
  pass(HOUR)
  assertAbout(left('6,8081'), SERVED + 3600)
  pass(3 * DAY)
  assertAbout(left('6,8081'), SERVED + EXCUSED_SECONDS_MAX)
  here.open = []
  const at = left('6,8081')!
  pass(HOUR)
  assertAbout(left('6,8081'), at - 3600)
  sleep(DAY)
  assert.equal(left('6,8081'), undefined)
})

test('what was seen once has earned nothing beyond what counts as open', () => {
  const { here, look, left, sleep } = laboratory()
  here.open = [[6, 8081]]
  look()
  here.open = []
  sleep((SERVED - 1) * 1000)
  assert.ok(left('6,8081') !== undefined)
  sleep(1000)
  look()
  assert.equal(left('6,8081'), undefined)
})

test('only the difference is written: some times an hour for what grows, every three hours for what does not, once for what is down', () => {
  const { here, look, pass } = laboratory()
  here.open = [[6, 8081]]
  assert.equal(look(), 1)
  assert.equal(look(), 0)
  pass(2 * DAY)
  assert.ok(pass(DAY) <= 2 * 9, 'taken out, and put in')
  here.open = []
  assert.ok(pass(DAY) <= 2, 'once, to be exact')
})

test('a service that restarts, or is down for a while, loses nothing of what it has; one that flaps earns what it was open', () => {
  const { here, look, pass, left } = laboratory()
  here.open = [[6, 8081]]
  look()
  pass(6 * HOUR)
  here.open = []
  pass(5 * MINUTE)
  here.open = [[6, 8081]]
  pass(MINUTE)
  assertAbout(left('6,8081'), SERVED + 6 * 3600 + 360)
  here.open = []
  pass(2 * HOUR)
  here.open = [[6, 8081]]
  pass(MINUTE)
  assertAbout(left('6,8081'), SERVED + 4 * 3600)
})

test('a daemon that starts takes over what the kernel has, and after a stop what was written down', () => {
  const { here, look, pass, left, restart, sleep, firewall, load, notes } = laboratory()
  here.open = [[6, 8081]]
  look()
  pass(6 * HOUR)
  const before = left('6,8081')!
  sleep(30_000)
  restart()
  look()
  assert.ok(left('6,8081')! >= before - 30)
  firewall.others.flushRuleset()
  load()
  restart()
  look()
  assertAbout(left('6,8081'), SERVED + 6 * 3600)

  for (const rubbish of [
    '',
    '{',
    'null',
    '[[6,8081],[6,-1,9],["6",1,2],[6,99999,4e12],[1,2,4000000000000]]',
  ]) {
    notes.set('excusable', rubbish)
    firewall.others.flushRuleset()
    load()
    restart()
    look()
    assertAbout(left('6,8081'), SERVED)
  }
})

test('what the settings name is excusable for good, until they name it no more; then for what it has earned', () => {
  const { here, look, pass, left, all } = laboratory(
    '[evidence]\nexcusable = ["tcp/179", "udp/4789-4790"]\nsisters = []',
  )
  look()
  assert.deepEqual(all(), ['6,179', '17,4789', '17,4790'])
  here.open = [[6, 179]]
  pass(HOUR)
  assert.equal(left('6,179'), undefined, 'no time')
  here.settings = settingsOf(BARE)
  look()
  assert.deepEqual(all(), ['6,179'])
  assertAbout(left('6,179'), SERVED + 3600)
})

test('the sisters of a port are excusable while it is served, and as long as itself when it is down; it is not by them', () => {
  const { here, look, pass, left, all } = laboratory('[evidence]\nexcusable = []')
  look()
  assert.deepEqual(all(), [])
  here.open = [[6, 443]]
  look()
  assert.deepEqual(all().toSorted(), ['17,443', '6,443', '6,80'])
  pass(HOUR)
  assertAbout(left('6,80'), SERVED + 3600)
  here.open = []
  pass(SERVED * 1000 + HOUR)
  assert.deepEqual(all(), [])

  const brief = laboratory('served = "0s"')
  brief.here.open = [[6, 443]]
  brief.look()
  brief.sleep(MINUTE)
  assert.ok(brief.left('6,80')! > 0, 'until the next look, however short served is')
})

test('the ports from which this machine opens connections earn nothing, whoever opens them; but the settings may name one', () => {
  const { here, look, pass, all } = laboratory('[evidence]\nexcusable = ["udp/51820"]\nsisters = []')
  here.open = [
    [6, 40_000],
    [17, 60_999],
    [6, 61_000],
    [6, 32_767],
  ]
  look()
  pass(HOUR)
  assert.deepEqual(all().toSorted(), ['17,51820', '6,32767', '6,61000'])
})

test('closed = "unmatched": a socket earns nothing, since its port may be refused to everybody; what was answered does', () => {
  const { here, look, left, firewall, sleep, all } = laboratory(`[chains]\ninput = ["input"]\n${BARE}`)
  assert.equal(here.settings.closed, 'unmatched')
  here.open = [[6, 3306]]
  look()
  for (let i = 0; i < 60; i++) {
    sleep(MINUTE / 2)
    firewall.others.delete('flypaper_served', '6,8000')
    firewall.others.add('flypaper_served', '6,8000', SERVED)
    sleep(MINUTE / 2)
    look()
  }
  assert.deepEqual(all(), ['6,8000'])
  assertAbout(left('6,8000'), SERVED + 3600)
})

test('a local user who opens thousands of ports fills the memory, and crowds out no service', () => {
  const { here, look, pass, all } = laboratory()
  const services: ServedPort[] = [
    [6, 22],
    [6, 443],
    [6, 8081],
  ]
  here.open = services
  look()
  pass(HOUR)
  here.open = [...Array.from({ length: 5000 }, (_, i): ServedPort => [6, 10_000 + i]), ...services]
  pass(2 * MINUTE)
  assert.ok(all().length <= EXCUSED_PORTS_MAX + services.length && EXCUSED_PORTS_MAX < PORTS_READ_MAX)
  for (const port of services) assert.ok(all().includes(String(port)))
})
