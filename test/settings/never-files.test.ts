/** Lists that never_files names: what is read, what is refused, and where. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { SettingsFailure } from '../../src/settings/explain.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { NEVER_MAX, readPrefixLines, WIDEST_IN_FILE } from '../../src/settings/prefix-lines.ts'
import { neverOf } from '../../src/settings/settings.ts'
import { readText } from '../../src/system/files.ts'
import { folders } from '../../src/system/folders.ts'
import { parseAddress, parsePrefix, prefixAround } from '../../src/terms/address.ts'
import { collectPrefixes, prefixesIn } from '../../src/terms/prefix-set.ts'
import { manyPrefixes } from '../support/never-list.ts'

/** What a text becomes, as texts, and what is wrong with it. */
function read(text: string, most = NEVER_MAX) {
  const collected = collectPrefixes()
  const mistakes = readPrefixLines(text, collected, most)
  return { prefixes: [...prefixesIn(collected.set())].map(prefix => prefix.text), mistakes }
}

test('one prefix a line, blank lines, comments, spaces, Windows ends of lines, none at the end', () => {
  const text =
    '# Example\r\n\n 192.0.2.0/24 # the edges\n\t2001:DB8::/32\r\n192.0.2.7\n::ffff:198.51.100.1\n203.0.113.7'
  assert.deepEqual(read(text), {
    prefixes: ['192.0.2.0/24', '198.51.100.1', '203.0.113.7', '2001:db8::/32'],
    mistakes: [],
  })
})

test('whatever is read quickly is read as carefully: any text is what parsePrefix says', () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom('::', '1::', '::1', '1:2:3:4:5:6:7::', '2001:0db8::1'),
  )
  const sound = fc
    .tuple(address, fc.nat(128))
    .map(
      ([text, length]) =>
        prefixAround(
          parseAddress(text) ?? parseAddress('192.0.2.1')!,
          Math.min(length, text.includes(':') ? 128 : 32),
        ).text,
    )
  const part = fc.constantFrom(
    '1',
    '0',
    '01',
    '255',
    '256',
    'ffff',
    '1ffff',
    'g',
    '.',
    ':',
    '::',
    '/',
    '/24',
    '/64',
    '/129',
    '2001:db8',
    '192.0.2',
  )
  const broken = fc.array(part, { minLength: 1, maxLength: 10 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(sound, address, broken), text => {
      const expected = parsePrefix(text)
      const { prefixes, mistakes } = read(text)
      if (expected === undefined || expected.length < WIDEST_IN_FILE[expected.family]) {
        assert.deepEqual([prefixes.length, mistakes.length], [0, 1], text)
      } else assert.deepEqual([prefixes, mistakes], [[expected.text], []], text)
    }),
    { numRuns: 2000 },
  )
})

test('nothing wider than any operator has: a list that is fetched must not spare everybody', () => {
  for (const wide of ['0.0.0.0/0', '0.0.0.0/1', '16.0.0.0/7', '::/0', '2000::/3', '2a00::/12'])
    assert.match(read(wide).mistakes[0]!.problem, /wider than/, wide)
  assert.deepEqual(read('17.0.0.0/8\n2a00::/16\n').mistakes, [])
})

test('at most so many of all files, and at most ten mistakes of one', () => {
  const [mistake, ...more] = read('192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4', 2).mistakes
  assert.deepEqual([mistake!.offset, more.length], [20, 0])
  assert.match(mistake!.problem, /more than 200000 prefixes/)
  assert.equal(read('x\n'.repeat(100)).mistakes.length, 10)
})

function written(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-never-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'd'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const load = () => loadSettings(join(folder, 'f.toml'), readText, folders)
  const settings = (toml: string) => writeFileSync(join(folder, 'f.toml'), toml.replaceAll('@', folder))
  return { folder, load, settings }
}

function wrong(load: () => unknown): SettingsFailure {
  try {
    load()
  } catch (error) {
    assert.ok(error instanceof SettingsFailure, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'the settings are taken' })
}

test('files and the lists of a folder, beside what the settings name', t => {
  const { folder, load, settings } = written(t, {
    'd/a.txt': '192.0.2.0/24\n',
    'd/b.list': '2001:db8::/32\n198.51.100.0/25\n',
    'd/c.json': 'no list',
    'd/.b.txt.new': 'half',
    one: '198.51.100.0/24\n',
  })
  settings('never = ["203.0.113.7"]\nnever_files = ["@/d/", "@/one", "@/d/a.txt"]')
  const { never, neverFiles, ...rest } = load()
  assert.deepEqual(
    [...prefixesIn(neverOf({ never, neverFiles, neverByHand: [] }))].map(({ text }) => text),
    ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.7', '2001:db8::/32'],
  )
  assert.deepEqual(
    neverFiles.files.map(({ file, prefixes }) => [file.replace(`${folder}/`, ''), prefixes.size]),
    [
      ['d/a.txt', 1],
      ['d/b.list', 2],
      ['one', 1],
    ],
  )
  assert.deepEqual(rest.origin?.remarks, [])
})

test('each mistake with its file and line; one that is missing, and what is no file', t => {
  const { folder, load, settings } = written(t, { 'a.txt': '192.0.2.0/24\n192.0.2.1/24\nexample.org\n' })
  execFileSync('mkfifo', [join(folder, 'pipe')])
  settings('never_files = ["@/a.txt", "@/none.txt", "@/pipe", "@/empty/"]')
  const failure = wrong(load)
  assert.equal(failure.exit, 78)
  assert.equal(
    failure.message.replaceAll(`${folder}/`, ''),
    `there are 5 mistakes in the settings
empty/: cannot be read, though never_files names it: there is no such file
  fetch it, make an empty file of that name, or take it out of never_files
a.txt:2:1: "192.0.2.1/24" has bits set behind the first 24
  192.0.2.1/24
  ^
  write "192.0.2.0/24", or "192.0.2.1" for that one address
a.txt:3:1: "example.org" is a name, and names are not looked up here
  example.org
  ^
  write its addresses, which "getent ahosts example.org" shows
none.txt: cannot be read, though never_files names it: there is no such file
  fetch it, make an empty file of that name, or take it out of never_files
pipe: cannot be read, though never_files names it: it is neither a file nor a link to one
  fetch it, make an empty file of that name, or take it out of never_files`,
  )
  settings('never_files = ["cdn.txt", ""]')
  assert.match(wrong(load).message, /entry 1 of never_files must be the whole path of a file/)
})

test('a list that others may change is told', t => {
  const { folder, load, settings } = written(t, { 'a.txt': '' })
  settings('never_files = ["@/a.txt"]')
  chmodSync(join(folder, 'a.txt'), 0o666)
  assert.deepEqual(load().origin?.remarks, [`anybody may write to ${folder}/a.txt`])
})

test('another version when a file is written to, replaced, comes or goes', t => {
  const { folder, load, settings } = written(t, { 'd/a.txt': '192.0.2.0/24\n' })
  settings('never_files = ["@/d/"]')
  const versions = [load().neverFiles.version]
  writeFileSync(join(folder, 'd/a.txt'), '192.0.3.0/24\n')
  versions.push(load().neverFiles.version)
  writeFileSync(join(folder, 'd/b.txt'), '')
  versions.push(load().neverFiles.version)
  rmSync(join(folder, 'd/a.txt'))
  versions.push(load().neverFiles.version, load().neverFiles.version)
  assert.equal(new Set(versions).size, 4)
})

test('200,000 prefixes are read within the second, and no more are taken', t => {
  const all = manyPrefixes(NEVER_MAX + 1)
  const { load, settings, folder } = written(t, { 'a.txt': all.slice(1).join('\n') })
  settings('never_files = ["@/a.txt"]')
  const began = performance.now()
  assert.equal(load().neverFiles.prefixes.size, NEVER_MAX)
  assert.ok(performance.now() - began < 5000)
  writeFileSync(join(folder, 'b.txt'), `${all[0]}\n`)
  settings('never_files = ["@/a.txt", "@/b.txt"]')
  assert.match(wrong(load).message, /b\.txt:1:1: there are more than 200000 prefixes in never_files/)
})
