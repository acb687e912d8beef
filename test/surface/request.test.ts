import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { requestReader } from '../../src/surface/control/request.ts'

const LIMITS = { head: 200, body: 50 }
const WHOLE = 'POST /v1/free HTTP/1.1\r\nHost: x\r\ncontent-Length: 11\r\n\r\n{"by":"me"}'
const REQUEST = { method: 'POST', path: '/v1/free', body: Buffer.from('{"by":"me"}') }

function whole(pieces: readonly string[], encourage = () => {}) {
  const take = requestReader(LIMITS, encourage)
  return pieces.map(piece => take(Buffer.from(piece, 'latin1'))).find(request => request !== undefined)
}

/** All of it but the headers. */
function read(...given: Parameters<typeof whole>) {
  const { headers: _, ...request } = whole(...given) ?? {}
  return 'method' in request ? request : undefined
}

test('headers are found by their names in small letters, as they were written, and all of one name', () => {
  const sent = 'GET / HTTP/1.1\r\nHost: A.Example:1\r\nAUTHORIZATION:Bearer aB\r\nx: 1\r\nX:2\r\n\r\n'
  const found = { host: 'A.Example:1', authorization: 'Bearer aB', x: '1, 2' }
  for (const size of [1, 7, 300])
    assert.deepEqual(Object.fromEntries(whole(cut(sent, [size]))!.headers), found)
})

/** The text in pieces of so many bytes, again and again. */
function cut(text: string, sizes: readonly number[]): string[] {
  const pieces: string[] = []
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length]!
    pieces.push(text.slice(at, at + size))
    at += size
  }
  return pieces
}

test('a request is the same however its bytes come, and whatever follows it', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(sizes, fc.string({ maxLength: 300 }), (sizes, more) => {
      assert.deepEqual(read(cut(WHOLE + more, sizes)), REQUEST)
    }),
  )
  const plain = 'GET /metrics HTTP/1.0\r\n\r\n'
  assert.deepEqual(read([plain + plain]), { method: 'GET', path: '/metrics', body: Buffer.alloc(0) })
  assert.equal(read([WHOLE.slice(0, -1)]), undefined)
})

test('what is no request, has no end or no length is refused', () => {
  const head = (...lines: string[]) => [`POST / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`]
  const wrong: [string[], RegExp][] = [
    [['\x16\x03\x01\r\n\r\n'], /no HTTP\/1\.1 request/],
    [['GET / HTTP/2\r\n\r\n'], /no HTTP\/1\.1 request/],
    [['GET http://localhost/ HTTP/1.1\r\n\r\n'], /no HTTP\/1\.1 request/],
    [['\r\n\r\n'], /no HTTP\/1\.1 request/],
    [['x'.repeat(200)], /at most 200 bytes/],
    [cut('GET / HTTP/1.1\r\n'.padEnd(400, 'a: b\r\n'), [7]), /at most 200 bytes/],
    [head('content-length: 51'), /at most 50 bytes/],
    [head('content-length: 1e1'), /Content-Length/],
    [head('content-length: -1'), /Content-Length/],
    [head('content-length: 1', 'Content-Length: 2'), /Content-Length/],
    [head('transfer-encoding: chunked'), /Content-Length/],
  ]
  for (const [pieces, message] of wrong) assert.throws(() => read(pieces), { exit: 64, message }, pieces[0])
})

test('any bytes are a request or not, and nothing else happens', () => {
  const mostly = fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    '\r\n\r\n',
    'content-length: 3\r\n',
    'expect: 100-continue\r\n',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(mostly, fc.string()), { maxLength: 20 }), pieces => {
      try {
        read(pieces.filter(piece => piece !== ''))
      } catch (error) {
        assert.equal((error as { exit?: number }).exit, 64)
      }
    }),
  )
})

test('who waits for a word before the body gets it, who does not wait does not', () => {
  let words = 0
  const hesitant = WHOLE.replace('Host: x', 'Expect: 100-continue')
  const at = hesitant.indexOf('{')
  assert.deepEqual(
    read([hesitant.slice(0, at), hesitant.slice(at)], () => words++),
    REQUEST,
  )
  assert.equal(words, 1)
  assert.deepEqual(
    read([hesitant], () => words++),
    REQUEST,
  )
  assert.deepEqual(
    read([WHOLE.slice(0, at), WHOLE.slice(at)], () => words++),
    REQUEST,
  )
  assert.equal(words, 1)
})
