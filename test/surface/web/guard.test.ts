import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf } from '../../../src/surface/web/guard.ts'

test('without a name, or with one that is none, nothing is answered', () => {
  const by = (host?: string) =>
    refusalOf({ method: 'GET', headers: new Map(host === undefined ? [] : [['host', host]]) }, undefined)
  for (const host of [
    undefined,
    '',
    ':8427',
    'localhost:',
    'localhost:x',
    '[::1',
    '[::2]:1',
    'localhost@evil',
  ])
    assert.match(by(host) ?? '', /not served by that name/, host)
  assert.equal(by('localhost:8427'), undefined, 'the control')
})
