/** The page's server: whom it answers, what it takes on to the daemon, and what it refuses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ENDPOINTS, type Endpoint, queryText } from '../../../src/surface/control/endpoints.ts'
import type { Served } from '../../../src/surface/control/protocol.ts'
import { PASSED } from '../../../src/surface/web/pass-on.ts'
import { NO_NEVER, NO_PAST, NOT_FOR_PAGE, STATUS } from '../../support/daemon-status.ts'
import { type Asked, askPage, type Page, pageBeside, sessionOf } from '../../support/page.ts'

function daemon(): { served: Served; done: unknown[] } {
  const done: unknown[] = []
  const nothing = async () => void done.push('more than it may')
  const served = {
    ...NO_PAST,
    ...NO_NEVER,
    ...NOT_FOR_PAGE,
    status: async () => STATUS,
    health: async () => [{ label: 'flypaper set', ok: true, reason: '1 fly' }],
    metrics: async () => Buffer.from(''),
    watch: () => ({ [Symbol.dispose]() {} }),
    async lock(request: unknown) {
      done.push(request)
      return { locked: ['203.0.113.7'], kept: [], refused: [] }
    },
    async free(request: unknown) {
      done.push(request)
      return { flies: ['203.0.113.7'], held: [], count: 1 }
    },
    flush: async () => 0,
    ...{ pause: nothing, reload: nothing, confirm: nothing, leave: nothing, stop: nothing },
  }
  return { served, done }
}

const FREE: Asked = { method: 'POST', body: '{"who":["203.0.113.7"],"by":"the page"}' }

async function withSession(page: Page): Promise<(asked?: Asked) => Asked> {
  const session = await sessionOf(page.socket, page.link())
  return (asked = {}) => ({ ...asked, headers: { authorization: `Bearer ${session}`, ...asked.headers } })
}

test('what the page shows and does goes to the daemon, in the name of whose link it is; all else is refused', async () => {
  const { served, done } = daemon()
  await using page = await pageBeside(served)
  const mine = await withSession(page)
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    if (name === 'events') continue // It goes on: the browser tests follow it.
    const { method, path, query, example = {} } = endpoint
    const asked = method === 'POST' ? { method, body: JSON.stringify(example) } : { method }
    const url = query === undefined ? path : `${path}?${queryText(example)}`
    const { status } = await askPage(page.socket, url, mine(asked))
    assert.equal(status, PASSED.includes(name as never) ? 200 : 404, url)
  }
  done.length = 0
  await askPage(page.socket, '/v1/free', mine(FREE))
  assert.deepEqual(done, [{ who: ['203.0.113.7'], by: 'anna' }])
  const wide = { method: 'POST', body: '{"lockouts":[{"who":"10.0.0.0/8"}],"force":true}' }
  const { status, value } = await askPage(page.socket, '/v1/lock', mine(wide))
  assert.equal(status, 403)
  assert.match((value as { error: string }).error, /^operate\.sock takes no force/)
  assert.equal((await askPage(page.socket, '/v1/free', mine({ method: 'POST', body: '[]' }))).status, 400)
  assert.equal(done.length, 1)
})

test('without a session nothing but the files of the page is told; a link opens one session', async () => {
  const { served, done } = daemon()
  await using page = await pageBeside(served)
  assert.equal((await askPage(page.socket, '/')).status, 200)
  for (const headers of [{}, { authorization: 'Bearer ' }, { authorization: `Bearer ${'A'.repeat(43)}` }]) {
    assert.equal((await askPage(page.socket, '/v1/status', { headers })).status, 401)
    assert.equal((await askPage(page.socket, '/v1/free', { ...FREE, headers })).status, 401)
  }
  const token = page.link()
  const open = () => askPage(page.socket, '/session', { method: 'POST', body: JSON.stringify({ token }) })
  assert.deepEqual([(await open()).status, (await open()).status], [200, 401], 'once, and never again')
  assert.deepEqual(done, [])
  const mine = await withSession(page)
  assert.equal((await askPage(page.socket, '/v1/status', mine())).status, 200, 'the control')
})

const FOREIGN: Readonly<Record<string, Asked>> = {
  'another name (rebinding)': { headers: { host: 'evil.example' } },
  'another name with our port': { headers: { host: 'evil.example:8427' } },
  'a name that begins like ours': { headers: { host: 'localhost.evil.example' } },
  'two names': { headers: { host: 'localhost, evil.example' } },
  'another origin': { headers: { origin: 'http://evil.example' } },
  'our name at another port': { headers: { origin: 'http://localhost:1' } },
  'a page from a file': { headers: { origin: 'null' } },
  'another site': { headers: { 'sec-fetch-site': 'cross-site' } },
  'another port of the loopback': { headers: { 'sec-fetch-site': 'same-site' } },
  'a form of another site': {
    headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', origin: 'http://evil.example' },
  },
}

test('what comes from another page or by another name is refused, also with a session', async () => {
  const { served, done } = daemon()
  await using page = await pageBeside(served)
  const mine = await withSession(page)
  for (const [what, asked] of Object.entries(FOREIGN)) {
    const { status } = await askPage(page.socket, '/v1/free', mine({ ...FREE, ...asked }))
    assert.equal(status, 403, what)
    assert.notEqual((await askPage(page.socket, '/v1/status', mine(asked))).status, 200, what)
  }
  assert.deepEqual(done, [])
  for (const host of ['localhost:8427', '127.0.0.1:9', '[::1]:8427', 'LOCALHOST']) {
    const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    assert.equal((await askPage(page.socket, '/v1/free', mine({ ...FREE, headers }))).status, 200, host)
  }
  assert.equal(done.length, 4)
  const opened = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
  assert.equal((await askPage(page.socket, '/', { headers: opened })).status, 200, 'a link may lead here')
  assert.equal(
    (await askPage(page.socket, '/page.js', { headers: { 'sec-fetch-site': 'cross-site' } })).status,
    403,
  )
})

test('behind a reverse proxy, one name more', async () => {
  await using page = await pageBeside(daemon().served, { host: 'Flypaper.example.org' })
  const by = (host: string) => askPage(page.socket, '/', { headers: { host, origin: `https://${host}` } })
  assert.equal((await by('flypaper.example.org')).status, 200)
  assert.equal((await by('example.org')).status, 403)
})

test('no path leads to a file, or to a request, but those that are named', async () => {
  await using page = await pageBeside(daemon().served)
  const mine = await withSession(page)
  for (const path of [
    '/../page.js',
    '/%2e%2e/%2e%2e/etc/passwd',
    '//page.js',
    '/page.js/',
    '/page.js?x',
    '/page/page.js',
    '/constructor',
    '/__proto__',
    '/v1/status/../stop',
    '/v1/status?x=1?y=2',
    '/v1/status%20',
    '/v1/list?who=<b>',
    '/V1/status',
  ])
    assert.equal((await askPage(page.socket, path, mine())).status, 404, path)
  for (const path of ['/page.js', '/v1/status', '/v1/list?who=192.0.2.9'])
    assert.equal((await askPage(page.socket, path, mine())).status, 200, path)
})

test('every answer has the headers that keep the page to itself', async () => {
  await using page = await pageBeside(daemon().served)
  for (const [path, wanted] of [
    ['/', 200],
    ['/v1/status', 401],
    ['/nothing', 401],
  ] as const) {
    const { status, headers } = await askPage(page.socket, path)
    assert.equal(status, wanted)
    assert.match(
      String(headers['content-security-policy']),
      /^default-src 'none'; .*require-trusted-types-for/,
    )
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|\*|data:|https?:/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['set-cookie'], undefined)
  }
})

test('a daemon that is not there is told, and the page is served all the same', async () => {
  await using page = await pageBeside(daemon().served)
  const mine = await withSession(page)
  const again = await page.stop()
  const { status, value } = await askPage(page.socket, '/v1/status', mine())
  assert.deepEqual([status, value], [502, { error: 'the daemon is not running' }])
  assert.equal((await askPage(page.socket, '/')).status, 200)
  await again()
  assert.equal((await askPage(page.socket, '/v1/status', mine())).status, 200, 'with the same session')
})

test('links come from a socket of their own, which is not the one that is forwarded', async () => {
  await using page = await pageBeside(daemon().served)
  const { status, value } = await askPage(page.links, '/link', { method: 'POST' })
  assert.equal(status, 200)
  const session = await sessionOf(page.socket, (value as { token: string }).token)
  const headers = { authorization: `Bearer ${session}` }
  assert.equal((await askPage(page.socket, '/v1/status', { headers })).status, 200)
  assert.equal((await askPage(page.links, '/v1/status', { headers })).status, 404)
  assert.equal((await askPage(page.socket, '/link', { method: 'POST', headers })).status, 404)
})

test('the page is small: all of it at most 40 kB, compressed', async () => {
  await using page = await pageBeside(daemon().served)
  let bytes = 0
  for (const path of ['/', '/page.js', '/page.css', '/icon.svg']) {
    const { status, value } = await askPage(page.socket, path)
    assert.equal(status, 200)
    bytes += gzipSync(String(value)).length
  }
  assert.ok(bytes > 10_000 && bytes <= 40_000, `${bytes} bytes`)
})
