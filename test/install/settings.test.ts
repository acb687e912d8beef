/**
 * The settings through installs, upgrades and removals, with Debian's dpkg, in a Debian 12 that is not booted and has a network
 * of its own. Nobody can answer: standard input is closed.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { must, type Result, run } from '../support/process.ts'
import { packages } from './package.ts'

const ETC = 'etc/flypaperd'
const SETTINGS = `${ETC}/flypaperd.toml`
const EDITED = 'never = ["198.51.100.0/24"] # mine\n'

const debs = await packages()
const folder = mkdtempSync(join(tmpdir(), 'flypaperd-dpkg-'))
after(() => rmSync(folder, { recursive: true, force: true }))

before(async () => {
  const root = [debs.cache, folder, '/host', '1', debs.package, debs.next]
  await must(['sh', 'test/vm/systemd/root.sh', ...root], { timeout: 600_000 })
  for (const name of ['old', 'other'] as const) await must(['cp', debs[name], `${folder}/root/${name}.deb`])
  await must(['mv', `${folder}/root/flypaperd.deb`, `${folder}/root/now.deb`])
  await must(['mv', `${folder}/root/flypaperd-next.deb`, `${folder}/root/next.deb`])
})

const INSIDE = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child']

/** In the Debian, as an upgrade by night runs it. */
function inside(command: string): Promise<Result> {
  const script = `mount -t proc proc "$0/proc" && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$0" sh -c "$1" <&-`
  return run([...INSIDE, 'sh', '-c', script, folder, command], { timeout: 120_000 })
}

async function installs(name: 'old' | 'now' | 'next' | 'other', options = ''): Promise<void> {
  const { code, stdout, stderr } = await inside(`dpkg ${options} -i /root/${name}.deb`)
  assert.equal(code, 0, stdout + stderr)
  assert.equal(await standing(), 'install ok installed')
}

async function standing(): Promise<string> {
  return (await inside('dpkg -s flypaperd | sed -n "s/^Status: //p"')).stdout.trim()
}

async function purges(): Promise<void> {
  const { code, stdout, stderr } = await inside('dpkg --purge flypaperd')
  assert.equal(code, 0, stdout + stderr)
}

const at = (path: string) => join(folder, path)
const settings = () => readFileSync(at(SETTINGS), 'utf8')
const edit = (text = EDITED) => writeFileSync(at(SETTINGS), text)
const isFine = async () => assert.equal((await inside('flypaperd check')).code, 0)

test('the first install lays a file of comments and an empty folder; purge takes them away', async () => {
  await installs('now')
  assert.equal(settings(), readFileSync('packaging/debian/flypaperd.toml', 'utf8'))
  assert.deepEqual(settings().match(/^[^#\n].*/gm), null, 'comments only')
  assert.match(settings(), /\/etc\/flypaperd\/flypaperd\.d\/\*\.toml/)
  assert.deepEqual(readdirSync(at(`${ETC}/flypaperd.d`)), [])
  await isFine()
  await purges()
  assert.ok(!existsSync(at(ETC)))
})

test('the control: a conffile that both have changed leaves the package half configured', async () => {
  await installs('old')
  edit()
  const { code, stderr } = await inside('dpkg -i /root/other.deb')
  assert.notEqual(code, 0)
  assert.match(stderr, /conffile prompt/)
  assert.notEqual(await standing(), 'install ok installed')
  await installs('now')
  assert.equal(settings(), EDITED, 'even from there')
  await purges()
})

test('from 0.1.0 with its conffile edited, on, back, and on again: nothing asks, nothing is lost', async () => {
  await installs('old')
  edit()
  for (const name of ['now', 'next', 'old', 'now'] as const) {
    await installs(name)
    assert.equal(settings(), EDITED, name)
    assert.deepEqual(readdirSync(at(ETC)).sort(), ['flypaperd.d', 'flypaperd.toml'], name)
    await isFine()
  }
  await purges()
  assert.ok(!existsSync(at(ETC)), 'purged as a conffile is')
})

test('from 0.1.0 as it came, or with the file taken away: so it stays', async () => {
  const came = readFileSync('test/install/flypaperd-0.1.0.toml', 'utf8')
  await installs('old')
  assert.equal(settings(), came)
  await installs('now')
  assert.equal(settings(), came)
  rmSync(at(SETTINGS))
  await installs('next')
  assert.ok(!existsSync(at(SETTINGS)))
  await isFine()
  await purges()
})

test('back to 0.1.0 from a first install of today: the settings stay by the option that docs/install.md names', async () => {
  const [option] = /--force-conf\w+/.exec(readFileSync('docs/install.md', 'utf8'))!
  for (const text of [EDITED, undefined]) {
    await installs('now')
    if (text !== undefined) edit(text)
    const before = settings()
    const { code, stderr } = await inside('dpkg -i /root/old.deb')
    assert.notEqual(code, 0, 'the control: for 0.1.0 they are a conffile that it has not laid')
    assert.match(stderr, /conffile prompt/)
    assert.equal(settings(), before)
    assert.equal((await inside(`dpkg ${option} --configure -a`)).code, 0, 'from there')
    assert.equal(await standing(), 'install ok installed')
    assert.equal(settings(), before)
    await installs('now')
    assert.equal(settings(), before)
    await purges()

    await installs('now')
    if (text !== undefined) edit(text)
    await installs('old', option)
    assert.equal(settings(), before)
    await isFine()
    await purges()
  }
})

test('an edited file and drop-ins of others: kept by upgrade, removal and a second install; drop-ins by purge, too', async () => {
  await installs('now')
  edit()
  writeFileSync(at(`${ETC}/flypaperd.d/10-role.toml`), 'never = ["203.0.113.0/24"]\n')
  await installs('next')
  assert.match(
    (await inside('flypaperd check')).stdout,
    /^Read: \/etc\/flypaperd\/flypaperd\.d\/10-role\.toml$/m,
  )
  assert.equal((await inside('dpkg --remove flypaperd')).code, 0)
  assert.equal(settings(), EDITED)
  await installs('now')
  assert.equal(settings(), EDITED)
  await purges()
  assert.deepEqual(
    [readdirSync(at(ETC)), readdirSync(at(`${ETC}/flypaperd.d`))],
    [['flypaperd.d'], ['10-role.toml']],
  )
})
