/** Settings in several files, on a real file system. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { SettingsFailure } from '../../src/settings/explain.ts'
import { loadSettings, parseSettings } from '../../src/settings/load.ts'
import { loadSettledSettings } from '../../src/settings/settle.ts'
import { folderOf, NO_FOLDERS } from '../../src/settings/sources.ts'
import { readText } from '../../src/system/files.ts'
import { folders } from '../../src/system/folders.ts'

/** Files of these texts, below a folder of the test; the main one is f.toml. */
function written(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-drop-ins-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const file = join(folder, 'f.toml')
  return { folder, file, load: () => loadSettings(file, readText, folders) }
}

/** What is wrong, without the name of the folder. */
function wrongIn(folder: string, load: () => unknown): SettingsFailure & { readonly text: string } {
  try {
    load()
  } catch (error) {
    assert.ok(error instanceof SettingsFailure, String(error))
    return Object.assign(error, { text: error.message.replaceAll(`${folder}/`, '') })
  }
  throw new assert.AssertionError({ message: 'the settings are taken' })
}

test('the folder of a file', () => {
  assert.equal(folderOf('/etc/flypaperd/flypaperd.toml'), '/etc/flypaperd/flypaperd.d')
  assert.equal(folderOf('./mine.toml'), './mine.d')
  assert.equal(folderOf('/srv/settings'), '/srv/settings.d')
  assert.equal(folderOf('/srv/a.toml.conf'), '/srv/a.toml.conf.d')
  assert.equal(folderOf('-'), undefined)
})

test('later files win, setting by setting; tables are merged, lists add up, each entry once', t => {
  const { folder, load } = written(t, {
    'f.toml':
      'hold = "10s"\nserved = "1m"\nnever = ["192.0.2.1", "192.0.2.2"]\n[lockout]\nfirst = "2h"\nmany_ports = 2\n',
    'f.d/20-b.toml': 'hold = "30s"\nnever = ["192.0.2.4"]\nchains.input = ["b"]\n',
    'f.d/10-a.toml':
      'hold = "20s"\nnever = ["192.0.2.3", "192.0.2.1"]\nlockout = { many_ports = 3 }\nchains = { input = ["a"] }\n',
    'f.d/9-last.toml': 'peers = "5m"\nevidence.silent = ["tcp/113"]',
  })
  const { origin, hold, served, peers, never, lockout, chains, evidence } = load()
  assert.deepEqual([hold, served, peers], [30, 60, 300])
  assert.deepEqual(
    never.map(({ text }) => text),
    ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'],
  )
  assert.deepEqual([lockout.first, lockout.manyPorts], [7200, 3])
  assert.deepEqual([chains.input, evidence.silent.length], [['a', 'b'], 1])
  const names = ['f.toml', 'f.d/10-a.toml', 'f.d/20-b.toml', 'f.d/9-last.toml']
  assert.deepEqual(origin, { files: names.map(name => `${folder}/${name}`), remarks: [] })
})

test('no list can be emptied by another file', t => {
  const { load } = written(t, { 'f.toml': 'never = ["192.0.2.1"]', 'f.d/a.toml': 'never = []' })
  assert.equal(load().never.length, 1)
})

test('without a folder, with an empty one, and without the default file', t => {
  const plain = written(t, { 'f.toml': 'hold = "10s"' })
  assert.deepEqual(
    { ...plain.load(), origin: undefined },
    { ...parseSettings('hold = "10s"', 'f'), origin: undefined },
  )
  mkdirSync(`${plain.folder}/f.d`)
  assert.equal(plain.load().hold, 10)
  const texts: Record<string, string> = { '/etc/flypaperd/flypaperd.d/a.toml': 'hold = "40s"' }
  const ofDefault = loadSettings(
    undefined,
    path => (path in texts ? { text: texts[path]! } : { unreadable: 'missing', because: 'none' }),
    { ...NO_FOLDERS, list: () => ({ names: ['a.toml'] }) },
  )
  assert.equal(ofDefault.hold, 40)
  assert.deepEqual(ofDefault.origin?.files, ['/etc/flypaperd/flypaperd.d/a.toml'])
})

test('each mistake with its file, line and setting; also one that a later file hides', t => {
  const { folder, load } = written(t, {
    'f.toml': 'hold = "soon"\n[lockout]\nfirst = 1\n',
    'f.d/10.toml': 'hold = "20s"\nholt = 1\n',
    'f.d/20.toml': '\nnever = ["192.0.2.300",\n  "x"]\n',
    'f.d/30.toml': 'lockout = 3\n',
    'f.d/40.toml': 'hold = \n',
  })
  const { text, exit, mistakes } = wrongIn(folder, load)
  assert.equal(exit, 78)
  assert.match(
    text,
    /^there are 7 mistakes in the settings\nf\.toml:1:8: hold must be .*, not "soon"\n {2}hold = "soon"\n {9}\^\n/,
  )
  const places = mistakes.map(({ file, line, column, setting }) => [
    file.replace(`${folder}/`, ''),
    line,
    column,
    setting,
  ])
  assert.deepEqual(places, [
    ['f.toml', 1, 8, 'hold'],
    ['f.toml', 3, 9, 'lockout.first'],
    ['f.d/10.toml', 2, 1, 'holt'],
    ['f.d/20.toml', 2, 10, 'never'],
    ['f.d/20.toml', 3, 3, 'never'],
    ['f.d/30.toml', 1, 11, 'lockout'],
    ['f.d/40.toml', 1, 8, undefined],
  ])
  for (const { problem, advice } of mistakes) assert.ok(problem !== '' && advice !== '')
})

test('what is right by itself and wrong together stands where the value is that counts', t => {
  const { folder, load } = written(t, {
    'f.toml': '[lockout]\nlongest_forgeable = "2h"\n',
    'f.d/10.toml': 'hold = "20s"\n[lockout]\nlongest_forgeable = "3h"\n',
    'f.d/20.toml': 'lockout.first = "1d"\n',
  })
  const { text, mistakes } = wrongIn(folder, load)
  assert.equal(
    text,
    'there is a mistake in the settings\nf.d/10.toml:3:21: "3h" is shorter than first, which is "1d"\n' +
      '  longest_forgeable = "3h"\n                      ^\n  write longest_forgeable = "1d"',
  )
  assert.equal(mistakes[0]!.setting, 'lockout.longest_forgeable')
  writeFileSync(`${folder}/f.d/30.toml`, 'lockout.longest_forgeable = "2d"\n')
  assert.equal(load().lockout.longestForgeable, 172_800, 'and wrong by itself, but right together, is taken')
})

test('only *.toml is read; of what was perhaps meant to be, it is said', t => {
  const { folder, load } = written(t, {
    'f.toml': '',
    'f.d/a.toml': 'hold = "40s"',
    ...Object.fromEntries(
      ['.b.toml', 'a.toml~', '#a.toml#', '.a.toml.swp', 'a.toml.dpkg-new', 'a.toml.rpmsave', 'README'].map(
        name => [`f.d/${name}`, 'wrong = '],
      ),
    ),
    'f.d/10-never.conf': 'never = ["192.0.2.1"]',
    'f.d/B.TOML': 'never = ["192.0.2.1"]',
    'f.d/evil\x1b[2J': '',
  })
  symlinkSync('anna@host.123:456', `${folder}/f.d/.#a.toml`)
  const { hold, never, origin } = load()
  assert.deepEqual([hold, never.length], [40, 0])
  assert.deepEqual(
    origin!.remarks.map(text => text.replace(`${folder}/`, '')),
    ['10-never.conf', 'B.TOML', 'evil\\x1b[2J'].map(
      name => `f.d/${name} is not read: its name does not end in .toml`,
    ),
  )
})

test('links are followed; what cannot be read is refused with the others, and a pipe is not waited for', t => {
  const { folder, load } = written(t, { 'f.toml': '', target: 'hold = "40s"', 'f.d/y.toml': 'holt = 1' })
  symlinkSync('../target', `${folder}/f.d/link.toml`)
  const closed = (name: string) => {
    const { text, exit } = wrongIn(folder, load)
    assert.equal(exit, 78)
    assert.match(text, /^f\.d\/y\.toml:1:1: "holt" is not a setting$/m, 'and all that is wrong besides')
    return new RegExp(`^f\\.d/${name}\\.toml: (.*)\\n {2}(.*)`, 'm').exec(text)?.[1]
  }
  mkdirSync(`${folder}/f.d/folder.toml`)
  assert.equal(closed('folder'), 'cannot be read: it is a directory')
  symlinkSync('nowhere', `${folder}/f.d/dangling.toml`)
  assert.equal(closed('dangling'), 'cannot be read: there is no such file')
  execFileSync('mkfifo', [`${folder}/f.d/pipe.toml`])
  assert.equal(closed('pipe'), 'cannot be read: it is neither a file nor a link to one')
  writeFileSync(`${folder}/f.d/latin.toml`, Buffer.from('# \xfc', 'latin1'))
  assert.equal(closed('latin'), 'cannot be read: it is not text in UTF-8')
  for (const name of ['folder', 'dangling', 'pipe', 'latin', 'y'])
    rmSync(`${folder}/f.d/${name}.toml`, { recursive: true })
  assert.equal(load().hold, 40, 'the control')
  rmSync(`${folder}/f.d`, { recursive: true })
  writeFileSync(`${folder}/f.d`, '')
  assert.match(wrongIn(folder, load).text, /^f\.d: cannot be read: it is no folder$/m)
})

test('what this user may not read: 77', t => {
  const { folder, load } = written(t, { 'f.toml': '', 'f.d/a.toml': '' })
  chmodSync(`${folder}/f.d/a.toml`, 0)
  const refused = asNobody(() => wrongIn(folder, load))
  assert.equal(refused.exit, 77)
  assert.match(
    refused.text,
    /^f\.d\/a\.toml: cannot be read: permission denied\n {2}use sudo, or let this user read it/m,
  )
  chmodSync(`${folder}/f.d`, 0o700)
  assert.match(asNobody(() => wrongIn(folder, load)).text, /^f\.d: cannot be read: permission denied$/m)
})

test('who else may change them is said; a folder that a stranger has laid in a directory for all is refused', t => {
  const { folder, file, load } = written(t, { 'f.toml': '', 'f.d/a.toml': 'hold = "40s"', 'f.d/b.toml': '' })
  const remarks = () => load().origin!.remarks.map(text => text.replaceAll(`${folder}/`, ''))
  assert.deepEqual(remarks(), [])
  chmodSync(`${folder}/f.d/a.toml`, 0o666)
  chmodSync(`${folder}/f.d`, 0o777)
  chmodSync(file, 0o602)
  assert.deepEqual(remarks(), [
    'anybody may write to f.toml',
    'anybody may write to f.d',
    'anybody may write to f.d/a.toml',
  ])
  for (const path of ['f.toml', 'f.d', 'f.d/a.toml']) chmodSync(join(folder, path), 0o755)
  if (process.getuid!() !== 0) return
  chownSync(`${folder}/f.d/b.toml`, 65534, 65534)
  assert.deepEqual(remarks(), ['f.d/b.toml belongs to user 65534, who may change what it says'])
  chownSync(file, 65534, 65534)
  assert.deepEqual(remarks(), [], 'both belong to him: he runs it by sudo')
  chownSync(file, 0, 0)
  chownSync(`${folder}/f.d`, 65534, 65534)
  assert.equal(load().hold, 40, 'where only root makes folders, root has made this one')
  chmodSync(folder, 0o1777)
  assert.match(
    wrongIn(folder, load).text,
    /^f\.d: cannot be read: it belongs to user 65534, and anybody may make one there$/m,
  )
})

test('to reload waits for drop-ins that are being written as well', async t => {
  const { folder, file } = written(t, { 'f.toml': '', 'f.d/a.toml': 'hold = "40s"' })
  const loading = loadSettledSettings(file, readText, folders)
  for (let n = 1; n <= 3; n++) {
    await sleep(100)
    writeFileSync(`${folder}/f.d/a.toml`, `hold = "${40 + n}s"`)
  }
  writeFileSync(`${folder}/f.d/b.toml`, 'hold = "50s"')
  assert.equal((await loading).hold, 50)
})

test('one file in several pieces is the same as whole', () => {
  const lines = [
    'hold = "30s"',
    'served = "1m"',
    'number = 7',
    'never = ["192.0.2.1"]',
    'lockout.many_ports = 3',
    'lockout.first = "2h"',
  ]
  const whole = parseSettings(lines.join('\n'), 'f')
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 }), { minLength: lines.length, maxLength: lines.length }), homes => {
      const textOf = (n: number) => lines.filter((_, i) => homes[i] === n).join('\n')
      const { origin: _, ...settings } = loadSettings(
        'f.toml',
        path => ({ text: textOf(path === 'f.toml' ? 0 : Number(/\d/.exec(path)![0])) }),
        { ...NO_FOLDERS, list: () => ({ names: ['3.toml', '1.toml', '2.toml'] }) },
      )
      assert.deepEqual(settings, whole)
    }),
  )
})

/** root may read everything, so for a moment this process is somebody else. */
function asNobody<T>(act: () => T): T {
  const me = process.geteuid!()
  if (me === 0) process.seteuid!(65534)
  try {
    return act()
  } finally {
    process.seteuid!(me)
  }
}
