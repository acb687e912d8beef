/** The whole of it: a real daemon, `flypaperd outside` as a user without any rights, and real servers in a namespace of their own. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { install, lockedOut } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { canBecome, NOBODY } from '../support/other-users.ts'
import { send } from '../support/sender.ts'
import { loadTrap, put } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'
const UID = 3001
const WATCH = 3003
const SINK = new URL('../outside/sink-child.ts', import.meta.url).pathname
const PASSWORD = 'pass-hunter2'
const TOKEN = 'token-swordfish'
const MANY = 10_000
const PATIENCE_MS = 60_000

const secrets = mkdtempSync(join(tmpdir(), 'flypaperd-test-secrets-'))
after(() => rmSync(secrets, { recursive: true }))
chmodSync(secrets, 0o755)
const secret = (name: string, text: string) => {
  const file = join(secrets, name)
  writeFileSync(file, text, { mode: 0o600 })
  chownSync(file, UID, UID)
  return file
}

test('10,000 of ours are one message, as is one; a trap that others take out is told; nothing secret is seen', {
  skip,
}, async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const sink = await world.host('sink')
  await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await world.link(gate, sink, { a: ['203.0.113.1/24'], b: ['203.0.113.9/24'] })
  await gate.route('10.0.0.0/8', '192.0.2.9')
  const certificates = makeCertificates(secrets, 'sink', 'IP:203.0.113.9')
  const node = [process.execPath, SINK, certificates.keyFile, certificates.certFile, PASSWORD]
  const server = await sink.start(node)
  await server.says(/^ready$/)
  const taken = () =>
    server
      .output()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as { text?: string; url?: string; body?: string; user?: string })
      // Quoted-printable: long lines are broken.
      .map(({ text, ...rest }) => ({ ...rest, text: text?.replaceAll('=\r\n', '') }))
  const mails = (kind: string) =>
    taken().filter(({ text }) => text?.includes(`\nX-Flypaperd-Kind: ${kind}\r\n`))
  const posts = (kind: string) =>
    taken().flatMap(({ body }) => (body?.includes(`"kind":"${kind}"`) ? [JSON.parse(body)] : []))

  const toml = `[notify]
mail = { to = ["root@example.org"], from = "gate@example.org", server = "smtps://anna@203.0.113.9", password_file = "${secret('password', PASSWORD)}", ca_file = "${certificates.ca}" }
webhook = { url_file = "${secret('url', `https://203.0.113.9/${TOKEN}`)}", headers_file = "${secret('headers', `X-Token: ${TOKEN}\n`)}", ca_file = "${certificates.ca}" }
`
  using flypaperd = install(gate, toml, {
    files: { '/etc/group': `root:x:0:\nflypaperd-watch:x:${WATCH}:\n` },
  })
  chmodSync(flypaperd.directory, 0o755)
  const own = `${flypaperd.directory}-outside`
  using _own = { [Symbol.dispose]: () => rmSync(own, { recursive: true, force: true }) }
  mkdirSync(own)
  chownSync(own, UID, UID)
  // Put in before there is a daemon, which would take it for a change by others.
  const sources = Array.from({ length: MANY }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
  await loadTrap(gate, '')
  await put(gate, 'flypaper_known', '10.9.9.9', ...sources)
  const daemon = await flypaperd.start()
  assert.match(
    await flypaperd.must('status'),
    /^notify: it is configured, but flypaperd-outside does not run/m,
  )
  using unprivileged = install(gate, toml, {
    runtime: flypaperd.directory,
    state: flypaperd.directory,
    by: ['setpriv', '--reuid', `${UID}`, '--regid', `${UID}`, '--groups', `${WATCH}`, '--no-new-privs', '--'],
  })
  chmodSync(unprivileged.directory, 0o755)
  const outside = await unprivileged.launch('outside')
  await outside.says(/notifications by mail, webhook/)
  await eventually('status tells of both ways', async () =>
    /^notify: mail is well\nnotify: webhook is well$/m.test(await flypaperd.must('status')),
  )

  const arrive = (isSo: () => boolean) =>
    eventually(() => `${outside.output()}\n${server.output().slice(-3000)}`, isSo, PATIENCE_MS)

  // The control: one of them is one message.
  const tryThree = (sources: readonly string[]) => {
    const bursts: { source: string; destination: string; tcp: number }[][] = []
    for (let from = 0; from < sources.length; from += 100)
      bursts.push(
        sources
          .slice(from, from + 100)
          .flatMap(source => [81, 82, 83].map(tcp => ({ source, destination: '192.0.2.1', tcp }))),
      )
    return send(scanner, { bursts, pause: 20_000 })
  }
  await tryThree(['10.9.9.9'])
  await daemon.says(/lockout 10\.9\.9\.9/)
  await arrive(() => mails('ours').length === 1)
  await arrive(() => posts('ours').length === 1)
  assert.match(mails('ours')[0]!.text!, /lockout 10\.9\.9\.9, who tried TCP-port 8\d, for /)

  // Another process, to which nothing was told before: it need not wait ten minutes.
  await outside.stop()
  rmSync(join(own, 'memory.json'))
  const again = await unprivileged.launch('outside')
  await again.says(/notifications by mail, webhook/)
  await tryThree(sources)
  assert.equal(await lockedOut(flypaperd, MANY + 1), MANY + 1)
  const waiting = () =>
    (
      JSON.parse(readFileSync(join(own, 'status.json'), 'utf8')).ways as { name: string; notices: number }[]
    ).find(({ name }) => name === 'webhook')!.notices
  await arrive(() => posts('ours').length === 2)
  await arrive(() => posts('ours')[1].count + waiting() >= MANY)
  assert.equal(posts('ours').length, 2, 'one more, of all')
  await arrive(() => mails('ours').length === 2)
  assert.match(mails('ours')[1]!.text!, /and [\d,]+ more since /)

  await gate.must(['nft', 'delete', 'table', 'inet', 'filter'])
  await daemon.says(/armed again with/)
  await arrive(() => mails('trap').length === 1 && posts('trap').length === 1)
  assert.match(mails('trap')[0]!.text!, /nft, pid \d+, has .*armed again with/)
  assert.equal(await lockedOut(flypaperd, MANY), MANY + 1)

  assert.equal(await unprivileged.must('notify', '--test'), 'mail: taken\nwebhook: taken\n')
  const seen = {
    cmdline: readFileSync(`/proc/${again.pid}/cmdline`, 'utf8'),
    environ: readFileSync(`/proc/${again.pid}/environ`, 'utf8'),
    status: await flypaperd.must('status'),
    check: await unprivileged.must('check'),
    told: readFileSync(join(own, 'status.json'), 'utf8'),
    kept: readFileSync(join(own, 'memory.json'), 'utf8'),
    daemon: daemon.output(),
    outside: outside.output() + again.output(),
  }
  await again.stop()

  // What happened while it was away is told, once: of what it had told before, only the place in the feed is kept.
  const memory = join(own, 'memory.json')
  const { after } = JSON.parse(readFileSync(memory, 'utf8'))
  writeFileSync(memory, JSON.stringify({ after }))
  await gate.must(['nft', 'delete', 'table', 'inet', 'filter'])
  await eventually('it is armed again', () => daemon.output().match(/armed again with/g)?.length === 2)
  const third = await unprivileged.launch('outside')
  await arrive(() => posts('trap').length === 2)
  assert.match(JSON.stringify(posts('trap')[1]), /armed again with/)
  assert.equal(posts('trap')[1].count, 1, 'and not what was told before')
  await third.stop()

  await server.stop('SIGKILL')
  const { code, stdout, stderr } = await unprivileged.run('notify', '--test')
  assert.equal(code, 1)
  assert.match(
    stdout,
    /^mail: not taken: the mail server 203\.0\.113\.9, port 465, refuses: .*\nwebhook: not taken: .*ECONNREFUSED/,
  )
  for (const [where, text] of Object.entries({ ...seen, stdout, stderr }))
    assert.ok(!text.includes(PASSWORD) && !text.includes(TOKEN), where)
  assert.match(seen.cmdline, /outside/)
  assert.equal(
    taken().find(({ user }) => user === 'anna') !== undefined,
    true,
    'the control: who knows the password was sent',
  )
  assert.ok(
    taken().some(({ url }) => url === `/${TOKEN}`),
    'the control: it was sent',
  )
})
