/** The table [notify]: what it takes, what it refuses and how, and that nothing secret is shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from '../../src/settings/load.ts'
import { masked } from '../../src/settings/masked.ts'
import { Failure } from '../../src/terms/failure.ts'

const notifyOf = (toml: string) => parseSettings(`[notify]\n${toml}\n`, 'f').notify
const MAIL = 'to = ["root@example.org"], from = "gate@example.org"'

/** What is said of wrong settings. */
function complaint(toml: string): string {
  try {
    notifyOf(toml)
  } catch (error) {
    assert.ok(error instanceof Failure)
    return error.message
  }
  assert.fail(`taken: ${toml}`)
}

test('nobody is told of anything, unless it is written', () => {
  const nothing = { command: [], kinds: ['trap', 'failing', 'limit', 'ours'], digest: 'off', at: 480 }
  assert.deepEqual(notifyOf(''), nothing)
  assert.deepEqual(notifyOf('mail = {}\nwebhook = {}\ncommand = []'), nothing)
})

test('everything can be set', () => {
  const all = notifyOf(`
mail = { ${MAIL}, server = "smtps://gate%40example.org@mail.example.org:4650", credential = "mail", ca_file = "/etc/ca.pem" }
webhook = { url_file = "/etc/url", template = "ntfy", headers_credential = "hook" }
command = ["/usr/bin/apprise", "--config", "/etc/apprise.yml"]
kinds = ["trap"]
digest = "weekly"
at = "23:59"`)
  assert.deepEqual(all, {
    mail: {
      ...{ to: ['root@example.org'], from: 'gate@example.org', caFile: '/etc/ca.pem' },
      server: { host: 'mail.example.org', port: 4650, tls: 'at-once', user: 'gate@example.org' },
      password: { credential: 'mail' },
    },
    webhook: { url: { file: '/etc/url' }, template: 'ntfy', headers: { credential: 'hook' } },
    command: ['/usr/bin/apprise', '--config', '/etc/apprise.yml'],
    kinds: ['trap'],
    digest: 'weekly',
    at: 1439,
  })
})

test('TLS of a mail server goes by its URL; without any only this machine is spoken to', () => {
  const servers: [url: string, port: number, tls: string][] = [
    ['smtps://mail.example.org', 465, 'at-once'],
    ['smtp://mail.example.org', 587, 'by-starttls'],
    ['smtp://192.0.2.9:25', 25, 'by-starttls'],
    ['smtp://localhost', 25, 'none'],
    ['smtp://127.0.0.1:2525', 2525, 'none'],
    ['smtp://[::1]', 25, 'none'],
    ['smtp://localhost.example.org', 587, 'by-starttls'],
    ['smtps://localhost', 465, 'at-once'],
  ]
  for (const [url, port, tls] of servers) {
    const { server } = notifyOf(`mail = { ${MAIL}, server = "${url}" }`).mail!
    assert.deepEqual([server.port, server.tls], [port, tls], url)
  }
})

test('what is wrong is told with what to write instead', () => {
  const server = 'server = "smtps://mail.example.org"'
  const wrong: [toml: string, said: RegExp][] = [
    [`mail = { to = ["root@example.org"] }`, /notify\.mail lacks from, server\n/],
    [
      `mail = { to = ["root@example.org\\r\\nBcc: all@example.org"], from = "a@b.c", ${server} }`,
      /must be a mail address/,
    ],
    [`mail = { to = [${'"a@b.c",'.repeat(17)}], from = "a@b.c", ${server} }`, /names 17 of them/],
    [
      `mail = { to = ["a@b.c"], from = "Gate <a@b.c>", ${server} }`,
      /notify\.mail\.from must be a mail address/,
    ],
    [
      `mail = { ${MAIL}, server = "mail.example.org" }`,
      /notify\.mail\.server must be a URL of a mail server/,
    ],
    [`mail = { ${MAIL}, server = "smtps://mail.example.org/x" }`, /says more than user, host and port/],
    [`mail = { ${MAIL}, server = "smtps://u@mail.example.org" }`, /names a user, and has no password/],
    [`mail = { ${MAIL}, ${server}, password_file = "/p" }`, /has a password, and its server names no user/],
    [`mail = { ${MAIL}, ${server}, password_file = "/p", credential = "p" }`, /has its password twice/],
    [`mail = { ${MAIL}, ${server}, ca_file = "ca.pem" }`, /must be the whole path of a file of certificates/],
    [`mail = { ${MAIL}, ${server}, credential = "../etc/shadow" }`, /must be the name of a credential/],
    ['webhook = { template = "ntfy" }', /notify\.webhook lacks its URL/],
    ['webhook = { url = "https://a.example/", url_file = "/u" }', /has several URLs/],
    ['webhook = { url = "http://ntfy.example/x" }', /goes through the network for everybody to read/],
    ['webhook = { url = "file:///etc/passwd" }', /is no URL of the web/],
    ['webhook = { url = "https://u:p@a.example/" }', /has a user in it/],
    [
      'webhook = { url = "https://a.example/", template = "teams" }',
      /"json", "ntfy", "slack", "discord" or "gotify"/,
    ],
    ['command = ["apprise"]', /does not begin with the whole path of a program/],
    ['command = "/usr/bin/apprise"', /must be a list of texts/],
    ['kinds = ["trapp"]', /write "trap"/],
    ['digest = "monthly"', /"off", "daily" or "weekly"/],
    ['at = "24:00"', /must be a time of day/],
    ['mial = {}', /did you mean mail\?/],
  ]
  for (const [toml, said] of wrong) assert.match(complaint(toml), said, toml)
})

test('what is left out in one file, another may have', () => {
  assert.throws(() => parseSettings(`[notify.mail]\nfrom = "a@b.c"\n`, 'f'), /lacks to, server/)
})

test('a secret that was written into the settings is not shown with the mistake', () => {
  const secret = 'hunter2'
  const written = [
    `mail = { ${MAIL}, server = "smtps://u:${secret}@mail.example.org" }`,
    `mail = { ${MAIL}, password = "${secret}" }`,
    `mail = { ${MAIL}, passwort = '${secret}' }`,
    `webhook = { url = "http://a.example/${secret}" }`,
    `webhook = { url = "https://a.example/${secret}", template = "x" }`,
    `webhook = { token = "${secret}" }`,
    `webhook = { url = "https://u:${secret}@a.example/" }`,
    `webhook = { url = "https://a.example/${secret} }`,
  ]
  for (const toml of written) {
    const said = complaint(toml)
    assert.ok(!said.includes(secret), said)
    assert.match(said, /\*{7}/, 'the line is shown')
  }
})

test('masked: as long as it was, and nothing else is changed', () => {
  for (const text of [
    'hold = "20s"',
    'password_file = "/etc/x"',
    'server = "smtps://u@h"',
    'see https://a.example',
  ]) {
    assert.equal(masked(text), text)
  }
  const text = 'password = "abc" # https://a.example/path?x=1 smtp://u:pw@h/'
  assert.equal(masked(text), 'password = "***" # https://a.example/******** smtp://u:**@h/')
})
