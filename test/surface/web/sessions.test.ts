import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LINK_MS,
  LINKS_MAX,
  openSessions,
  SESSION_MS,
  SESSIONS_MAX,
} from '../../../src/surface/web/sessions.ts'

function sessionsAt() {
  const clock = { ms: 0 }
  return { clock, sessions: openSessions(() => clock.ms) }
}

test('a link opens one session, in its time, for whom it was made', () => {
  const { clock, sessions } = sessionsAt()
  const token = sessions.link('anna')
  const opened = sessions.open(token)!
  assert.equal(opened.by, 'anna')
  assert.equal(sessions.user(opened.session), 'anna')
  assert.equal(sessions.open(token), undefined, 'once')
  assert.equal(sessions.user(token), undefined, 'the token is no session')
  assert.equal(sessions.open(opened.session), undefined, 'nor the other way round')
  const late = sessions.link('anna')
  const inTime = sessions.link('anna')
  clock.ms += LINK_MS - 1
  assert.notEqual(sessions.open(inTime), undefined)
  clock.ms += 1
  assert.equal(sessions.open(late), undefined)
})

test('a session ends when nobody uses it', () => {
  const { clock, sessions } = sessionsAt()
  const { session } = sessions.open(sessions.link('anna'))!
  for (let i = 0; i < 3; i++) {
    clock.ms += SESSION_MS - 1
    assert.equal(sessions.user(session), 'anna')
  }
  clock.ms += SESSION_MS
  assert.equal(sessions.user(session), undefined)
})

test('there are so many links and sessions, and the oldest goes', () => {
  const { sessions } = sessionsAt()
  const links = Array.from({ length: LINKS_MAX + 1 }, () => sessions.link('anna'))
  assert.equal(sessions.open(links[0]!), undefined)
  assert.notEqual(sessions.open(links[1]!), undefined)
  const opened = Array.from({ length: SESSIONS_MAX }, () => sessions.open(sessions.link('anna'))!.session)
  assert.equal(sessions.user(opened[0]!), 'anna', 'and is the one that was used last')
  sessions.open(sessions.link('anna'))
  assert.equal(sessions.user(opened[1]!), undefined)
  assert.equal(sessions.user(opened[0]!), 'anna')
})
