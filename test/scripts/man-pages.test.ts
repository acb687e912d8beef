/** The man pages are what groff takes without a warning, and the completion what bash does with it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { commandPage, settingsPage } from '../../scripts/man-pages.ts'
import { tableSettings, topSettings } from '../../src/settings/schema.ts'
import { VERBS } from '../../src/surface/cli/verbs/index.ts'

function formatted(page: string): string {
  const { status, stdout, stderr } = spawnSync('groff', ['-man', '-Tascii', '-ww', '-rLL=80n', '-P-cbou'], {
    input: page,
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
  return stdout
}

test('flypaperd(8) has every verb, option and example', () => {
  const text = formatted(commandPage())
  for (const { name, options = [], examples } of VERBS) {
    assert.match(text, new RegExp(`^ {7}${name}\\b`, 'm'))
    for (const { flags } of options) assert.ok(text.includes(flags.split(' ')[0]!), flags)
    for (const example of examples) assert.ok(text.includes(example), example)
  }
  for (const line of text.split('\n')) assert.ok(line.length <= 110, line)
})

test('flypaperd.toml(5) has every setting', () => {
  const text = formatted(settingsPage())
  const names = [...Object.keys(topSettings), ...Object.values(tableSettings).flatMap(of => Object.keys(of))]
  for (const name of names) assert.match(text, new RegExp(`^ {7}${name} += `, 'm'))
})

/** What bash offers for the line; an address is several words for it, because of the colons. */
function completed(line: string): string[] {
  const script = `
    source completions/flypaperd.bash
    flypaperd() { [ "$1" = export ] && printf '%s\\n' 69.0.231.79 2001:db8:1:2::/64 2001:db8:9::/64; }
    COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=("\${@:2}") COMP_CWORD=$(($# - 2))
    _flypaperd
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const words = line.split(/ |(?<=:)|(?=:)/)
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', line, ...words], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
  return stdout.trim().split('\n')
}

test('bash completes verbs, options, values and flies', () => {
  assert.deepEqual(completed('flypaperd st'), ['start', 'stop', 'status'])
  assert.deepEqual(completed('flypaperd help wa'), ['watch'])
  assert.deepEqual(completed('flypaperd list --so'), ['--sort'])
  assert.deepEqual(completed('flypaperd list --sort t'), ['times'])
  assert.deepEqual(completed('flypaperd free 6'), ['69.0.231.79'])
  assert.deepEqual(completed('flypaperd why 2001:db8:1'), ['1:2::/64'])
  assert.deepEqual(completed('flypaperd lock 6'), [''])
})
