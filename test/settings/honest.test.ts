/** What is excusable by default, and what it costs: docs/threat-model.md has the figures. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { EXCUSABLE, SISTERS } from '../../src/settings/honest.ts'
import { parseSettings } from '../../src/settings/load.ts'
import type { SilentPort } from '../../src/settings/settings.ts'

const { evidence } = parseSettings('', 'f')
const nameOf = ({ protocol, first }: SilentPort) => `${protocol}/${first}`

test('the lists are the default, each entry once, with a reason and a source', () => {
  assert.deepEqual(
    evidence.excusable.map(nameOf),
    EXCUSABLE.map(({ ports }) => ports),
  )
  assert.deepEqual(
    evidence.sisters.map(ports => ports.map(nameOf).join(' ')),
    SISTERS.map(({ ports }) => ports),
  )
  const all = [...EXCUSABLE, ...SISTERS]
  for (const { ports, why, source } of all) assert.ok(why !== '' && source !== '', ports)
  const sisters = SISTERS.flatMap(({ ports }) => ports.split(' '))
  assert.equal(new Set(sisters).size, sisters.length)
})

test('each entry is in the document, with its reason', () => {
  const document = readFileSync('docs/excusable.md', 'utf8')
  for (const { ports, why, source } of [...EXCUSABLE, ...SISTERS])
    assert.ok(document.includes(`| ${ports.replaceAll(' ', ', ')} | ${why} | ${source} |`), ports)
})

/** The TCP ports that are open most often (nmap 7.93, nmap-services): nmap --top-ports 20. */
const TOP_20 = [
  21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 995, 1723, 3306, 3389, 5900, 8080,
]

/** The ports of this scan that are closed and excusable where these are served. */
function excusable(scan: readonly number[], served: readonly string[]): readonly number[] {
  const families = evidence.sisters
    .map(ports => ports.map(nameOf))
    .filter(ports => ports.some(port => served.includes(port)))
  const all = new Set([...evidence.excusable.map(nameOf), ...families.flat()])
  return scan.filter(port => all.has(`tcp/${port}`) && !served.includes(`tcp/${port}`))
}

/**
 * Whether a stranger who tries these ports in random order finds one that is open before he sticks: by the first other closed port, or by the
 * excusable one that is too many.
 */
function chance(excused: number, others: number): number {
  const free = Math.ceil(evidence.threshold / evidence.stranger.excusable) - 1
  let sum = 0
  let before = 1
  for (let tried = 0; tried <= Math.min(free, excused); tried++) {
    const left = excused + others + 1 - tried
    sum += before / left
    before *= (excused - tried) / left
  }
  return sum
}

function percent(served: readonly string[], excuses = true): string {
  const closed = TOP_20.filter(port => !served.includes(`tcp/${port}`))
  const excused = excuses ? excusable(TOP_20, served).length : 0
  return (100 * chance(excused, closed.length - excused)).toFixed(1)
}

test('the price: how often a random scan of the twenty usual ports finds ssh', () => {
  const ssh = ['tcp/22']
  const web = [...ssh, 'tcp/443']
  const mail = [...web, 'tcp/587', 'tcp/993']
  const one = ['tcp/587', 'tcp/995', 'tcp/993', 'tcp/990', 'udp/53', 'tcp/445', 'tcp/2049', 'tcp/8443']
  const all = [...web, ...one]
  const prices = [ssh, web, mail, all].map(served => [percent(served, false), percent(served)])
  assert.deepEqual(prices, [
    ['5.0', '5.0'],
    ['5.3', '5.6'],
    ['5.6', '6.7'],
    ['6.3', '12.1'],
  ])
  const table = readFileSync('docs/threat-model.md', 'utf8')
  for (const [without, by] of prices) assert.ok(table.includes(`${by} % instead of ${without} %`), by)
  // As the figures of the issue: twelve of eighteen.
  assert.deepEqual(
    [chance(0, 17), chance(12, 5)].map(it => Math.round(100 * it)),
    [6, 12],
  )
})
