/** The ways out, with real servers and programs on loopback: what is refused, what ends, and what nobody gets to see. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { testMessage } from '../../src/outside/notify/message.ts'
import { waysOf } from '../../src/outside/notify/ways.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { feedProgram } from '../../src/system/feed-program.ts'
import { mail } from '../../src/system/mail.ts'
import { post } from '../../src/system/post.ts'
import { readCredential, readSecretFile, SECRET_MAX } from '../../src/system/secret.ts'
import { makeCertificates } from '../support/certificates.ts'
import { BEGIN, REAL } from '../support/fake-outside.ts'
import { mailSink, webSink } from '../support/sinks.ts'

const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-carriers-'))
after(() => rmSync(directory, { recursive: true }))
const file = (name: string, text: string, mode = 0o600) => {
  const path = join(directory, name)
  rmSync(path, { force: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const SECRET = 'hunter2-and-more'
const right = makeCertificates(directory, 'right', 'DNS:localhost,IP:127.0.0.1')
const elsewhere = makeCertificates(directory, 'elsewhere', 'DNS:other.example.org')

/** Tells a test by the ways of these settings: how each went. */
async function told(toml: string, carriers = REAL): Promise<string[]> {
  const ways = waysOf(parseSettings(`[notify]\n${toml}`, 'f').notify, carriers)
  return await Promise.all(
    ways.map(({ deliver }) =>
      deliver(testMessage('gate', BEGIN)).then(
        () => 'taken',
        (error: Error) => error.message,
      ),
    ),
  )
}

/** What the settings call by a name of another machine is this one. */
const HERE = {
  ...REAL,
  mail: ({ server, ...letter }: Parameters<typeof mail>[0]) =>
    mail({ ...letter, server: { ...server, host: 'localhost' } }),
}

const mailToml = (url: string, more: string) =>
  `mail = { to = ["a@example.org", "b@example.org"], from = "gate@example.org", server = "${url}", ${more} }`

test('mail: TLS at once and by STARTTLS, with the password; a wrong certificate and no STARTTLS get neither', async () => {
  const password_file = file('mail.password', `${SECRET}\n`)
  const secret = `password_file = "${password_file}"`
  const ca = `ca_file = "${right.ca}"`
  for (const isSecure of [true, false]) {
    const scheme = isSecure ? 'smtps' : 'smtp'
    await using sink = await mailSink({ password: SECRET, tls: right, isSecure })
    const url = `${scheme}://anna%40example.org@mail.example.org:${sink.port}`
    assert.deepEqual(await told(mailToml(url, `${secret}, ${ca}`), HERE), ['taken'])
    assert.equal(sink.taken.length, 1)
    const [{ from, to, user, text, isSecure: wasSecure }] = sink.taken as [never] as [(typeof sink.taken)[0]]
    assert.deepEqual(
      [from, to, user, wasSecure],
      ['gate@example.org', ['a@example.org', 'b@example.org'], 'anna@example.org', true],
    )
    assert.match(text, /^Subject: flypaperd on gate: a test\r$/m)
    assert.match(text, /^Auto-Submitted: auto-generated\r$/m)

    const [unsigned] = await told(mailToml(url, secret), HERE)
    assert.match(unsigned!, /certificate|self.signed/i)
    await using other = await mailSink({ password: SECRET, tls: elsewhere, isSecure })
    const there = `${scheme}://anna@mail.example.org:${other.port}`
    const [misnamed] = await told(mailToml(there, `${secret}, ca_file = "${elsewhere.ca}"`), HERE)
    assert.match(misnamed!, /does not match certificate|altnames/i)
    assert.deepEqual([sink.taken.length, other.taken.length], [1, 0])
  }
  await using bare = await mailSink({ password: SECRET })
  const [plain] = await told(mailToml(`smtp://anna@mail.example.org:${bare.port}`, secret), HERE)
  assert.match(plain!, /STARTTLS|upgrade/i)
  assert.equal(bare.taken.length, 0)
})

test('mail: a server that repeats the password it refuses, and one that never greets', async () => {
  await using sink = await mailSink({ password: 'another', tls: right, isSecure: true })
  const secret = `password_file = "${file('mail.password', SECRET)}", ca_file = "${right.ca}"`
  const [refused] = await told(mailToml(`smtps://anna@localhost:${sink.port}`, secret))
  assert.match(refused!, /^the mail server localhost, port \d+, refuses: Invalid login: 535 no \*\*\*$/)
  await using web = await webSink({ answer: () => {} })
  const server = { host: '127.0.0.1', port: web.port, tls: 'none' } as const
  const letter = {
    server,
    password: undefined,
    caFile: undefined,
    from: 'a@b.c',
    to: ['a@b.c'],
    subject: 's',
    text: 't',
    kind: 'test',
  }
  await assert.rejects(mail(letter, 300), /does not take a mail within 0\.3 s|refuses/)
})

test('a webhook: 500, a redirect, nobody, no answer at all, an endless one; and a certificate of somebody else', async () => {
  const answers: Record<
    string,
    Parameters<NonNullable<Parameters<typeof webSink>[0]>['answer'] & {}>[0] extends infer R
      ? (response: R) => void
      : never
  > = {
    '/500': response => response.writeHead(500).end(SECRET),
    '/301': response => response.writeHead(301, { location: '/taken' }).end(),
    '/never': () => {},
    '/endless': response => {
      response.writeHead(200)
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', pour)
      pour()
    },
    '/taken': response => response.end(),
  }
  await using sink = await webSink({ answer: (response, { url }) => answers[url]!(response) })
  const at = (path: string) =>
    post({ url: `http://127.0.0.1:${sink.port}${path}`, headers: {}, caFile: undefined, body: '{}' }, 500)
  await assert.rejects(at('/500'), /^Failure: 127\.0\.0\.1:\d+ answers 500$/)
  await assert.rejects(at('/301'), /answers 301: it wants to be asked elsewhere, which is not followed/)
  await assert.rejects(at('/never'), /does not answer within 0\.5 s/)
  await at('/endless')
  await at('/taken')
  assert.deepEqual(
    sink.taken.map(({ url }) => url),
    ['/500', '/301', '/never', '/endless', '/taken'],
  )
  await assert.rejects(
    post({ url: 'https://localhost:1/x', headers: {}, caFile: undefined, body: '' }),
    /ECONNREFUSED/,
  )

  await using secure = await webSink({ tls: right })
  const hook = (more: string) => told(`webhook = { url = "https://localhost:${secure.port}/x"${more} }`)
  assert.match((await hook(''))[0]!, /certificate|self.signed/i)
  assert.match((await hook(`, ca_file = "${elsewhere.ca}"`))[0]!, /certificate|signature|verify/i)
  assert.equal(secure.taken.length, 0)
  assert.deepEqual(await hook(`, ca_file = "${right.ca}"`), ['taken'])
  assert.equal(secure.taken.length, 1, 'the control')
})

test('a webhook: URL and headers from files are sent, and stand in no error', async () => {
  await using sink = await webSink({
    answer: (response, { url }) => response.writeHead(url.includes('bad') ? 500 : 200).end(),
  })
  const url = `http://127.0.0.1:${sink.port}/${SECRET}`
  const hook = `webhook = { url_file = "${file('url', `${url}\n`)}", headers_file = "${file('headers', 'Authorization: Bearer tok-12345\nX-More: 1\n')}", template = "ntfy" }`
  assert.deepEqual(await told(hook), ['taken'])
  const [{ headers, url: path, body }] = sink.taken as [never] as [(typeof sink.taken)[0]]
  assert.deepEqual(
    [path, headers.authorization, headers['x-more'], headers.title],
    [`/${SECRET}`, 'Bearer tok-12345', '1', 'flypaperd on gate: a test'],
  )
  assert.match(body, /^This is a test/)

  file('url', `${url}-bad`)
  assert.match((await told(hook))[0]!, /^127\.0\.0\.1:\d+ answers 500$/)
  const wrong: [text: string, because: RegExp][] = [
    [`ftp://${SECRET}`, /url is no URL of the web/],
    [`https://anna:${SECRET}@example.org/`, /has a user in it/],
    ['http://192.0.2.1/x', /goes through the network for everybody to read/],
  ]
  for (const [text, because] of wrong) {
    file('url', text)
    const [error] = await told(hook)
    assert.match(error!, because)
    assert.ok(!error!.includes(SECRET), error!)
  }
  file('url', url)
  for (const text of [
    SECRET,
    `Bad Name: ${SECRET}`,
    `Host: ${SECRET}`,
    `A: b\x07${SECRET}`,
    'a: b\n'.repeat(17),
  ]) {
    file('headers', text)
    const [error] = await told(hook)
    assert.match(error!, /headers: (line \d|more than 16)/)
    assert.ok(!error!.includes(SECRET), error!)
  }
  assert.equal(sink.taken.length, 2)
})

test('a program: the message on standard input, little of an environment, no secret; one that fails, is not there, or hangs', async () => {
  const out = join(directory, 'out')
  const script = file('script', `#!/bin/sh\n{ cat; env; } > ${out}\n`, 0o755)
  assert.deepEqual(await told(`command = ["${script}", "$(id)", "; id"]`), ['taken'])
  const text = readFileSync(out, 'utf8')
  assert.match(text, /^flypaperd on gate: a test\n\nThis is a test\./)
  const names = [...text.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name).sort()
  assert.deepEqual(names, ['FLYPAPERD_KIND', 'FLYPAPERD_SUBJECT', 'LANG', 'PATH', 'PWD'])

  assert.match((await told('command = ["/bin/false"]'))[0]!, /^\/bin\/false ended with exit status 1$/)
  assert.match((await told('command = ["/no/such"]'))[0]!, /cannot be started: ENOENT/)
  assert.deepEqual(await told('command = ["/bin/true"]'), ['taken'], 'it need not read what it is told')

  const pids = join(directory, 'pids')
  const hangs = file(
    'hangs',
    `#!/bin/sh\ntrap '' TERM\nsleep 600 & echo $$ $! > ${pids}\nwait; sleep 600\n`,
    0o755,
  )
  await assert.rejects(feedProgram([hangs], 'text', {}, 500), /did not end within 0\.5 s, and was killed/)
  const all = readFileSync(pids, 'utf8').trim().split(' ').map(Number)
  assert.equal(all.length, 2, 'the control: it ran, and had a child')
  for (const pid of all) await goes(pid)
})

/** Killed, it may be there until somebody has asked for its end. */
async function goes(pid: number): Promise<void> {
  const isHere = () => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
      return false
    }
  }
  for (let i = 0; i < 500 && isHere(); i++) await sleep(20)
  assert.equal(isHere(), false, `${pid} is gone`)
}

test('a secret that others may read is refused, as is what is none; a credential is there in the unit alone', () => {
  assert.equal(readSecretFile(file('s', `${SECRET}\n`)), SECRET)
  assert.equal(readSecretFile(file('s', SECRET, 0o640)), SECRET)
  const refused: [path: string, because: RegExp][] = [
    [file('open', SECRET, 0o644), /open can be read by everybody, and holds a secret/],
    [file('empty', '\n'), /is empty/],
    [file('long', 'x'.repeat(SECRET_MAX + 1)), /is longer than/],
    [join(directory, 'missing'), /cannot be read: there is no such file/],
    ['/dev/zero', /is no file/],
    [directory, /is no file/],
  ]
  for (const [path, because] of refused)
    assert.throws(
      () => readSecretFile(path),
      (error: Error) => because.test(error.message) && !error.message.includes(SECRET),
      path,
    )
  mkdirSync(join(directory, 'credentials'))
  file('credentials/mail', SECRET, 0o400)
  assert.equal(readCredential('mail', join(directory, 'credentials')), SECRET)
  assert.throws(() => readCredential('mail', undefined), /handed by systemd to the unit alone/)
})
