/** What another host says, in the real kernel: a client's living connection goes on, a stranger is shut out; an order cuts both. And who is forgotten. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const CLIENT = '198.51.100.7'
const STRANGER = '198.51.100.50'
const AUTHOR = 'fail2ban on web2'

interface Answer {
  readonly locked: string[]
  readonly kept: string[]
  readonly refused: { who: string; why: string }[]
  readonly withdrawn: string[]
}

/** Asks a socket of the daemon; resolves to its status and its answer. */
async function ask(socketPath: string, path: string, body: object) {
  return new Promise<{ status: number; answer: Answer }>((resolve, reject) => {
    const asked = request({ socketPath, method: 'POST', path, agent: false }, async response =>
      resolve({ status: response.statusCode!, answer: JSON.parse(await textOf(response)) }),
    )
    asked.on('error', reject)
    asked.end(JSON.stringify(body))
  })
}

/** Talks by one connection until a line tells it to rest, and the next to go on: how many bytes came back, is what it prints. */
const TALKER = (source: string) => `
  let got = 0
  const socket = require('net').connect({ port: 22, host: '192.0.2.1', localAddress: '${source}' })
  socket.on('data', data => { got += data.length; console.log('got ' + got) })
  let rests = false
  process.stdin.on('data', () => { rests = !rests; console.log('told') })
  setInterval(() => rests || socket.write('x'), 100)`

/** Sends back what comes. */
const ECHO = `require('net').createServer(socket => socket.on('error', () => {}).pipe(socket)).listen(22, () => console.log('ready'))`

test('by testimony a client goes on talking, a stranger is shut out in the same request; an order cuts the client off', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const out = await world.host('out')
  await world.link(gate, out, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await out.must(['ip', 'addr', 'add', `${CLIENT}/32`, 'dev', 'lo'])
  const echo = await gate.start([process.execPath, '-e', ECHO])
  await echo.says(/^ready$/)
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"\n')
  const talker = await out.start([process.execPath, '-e', TALKER(CLIENT)])
  await talker.says(/got/)
  const daemon = await flypaperd.start()
  const [share, control] = ['share.sock', 'control.sock'].map(name => join(flypaperd.directory, name))
  const heard = () => Number([...talker.output().matchAll(/got (\d+)/g)].at(-1)?.[1] ?? 0)
  const goesOn = async () => {
    const before = heard()
    return eventually('it goes on', () => heard() > before + 5, 2000).then(
      () => true,
      () => false,
    )
  }
  const answersOf = async (source: string) => {
    const burst = [{ source, destination: '192.0.2.1', tcp: 22 }]
    return (await send(out, { bursts: [burst] })).answers.length
  }
  talker.write('rest\n')
  await talker.says(/^told$/)
  // As after a long silence: of his connection conntrack and his socket tell.
  await gate.must(['nft', 'delete', 'element', 'inet', 'filter', 'flypaper_known', `{ ${CLIENT} }`])
  const testimony = [CLIENT, STRANGER].map(who => ({ who, seconds: 3600, because: 'sshd' }))
  const { status, answer } = await ask(share!, '/v1/testify', { testimony, author: AUTHOR })
  assert.deepEqual([status, answer.locked, answer.kept], [200, [STRANGER], []])
  // The daemon may have looked meanwhile who is connected.
  assert.match(answer.refused[0]!.why, /^(connected|known)$/)
  talker.write('go on\n')
  assert.equal(await goesOn(), true, 'his connection lives')
  assert.equal(await answersOf(STRANGER), 0)
  assert.equal(await answersOf('198.51.100.51'), 1, 'the control')

  const [fly] = JSON.parse(await flypaperd.must('list', '--grade', 'testimony', '--json'))
  assert.deepEqual([fly.source, fly.because, fly.by, fly.via], [STRANGER, 'testimony', AUTHOR, 'share root'])
  assert.equal(Date.parse(fly.until) - Date.parse(fly.since), 600_000, 'no longer than a first offence')
  assert.match(await flypaperd.must('list'), /testimony of fail2ban on web2: sshd/)
  assert.match(
    await flypaperd.must('why', STRANGER),
    /locked out on the testimony of fail2ban on web2, for 10m: sshd/,
  )
  const { reasons } = JSON.parse(await flypaperd.must('report', '--json'))
  assert.deepEqual(reasons, [{ because: 'testimony', lockouts: 1 }])
  const metrics = await flypaperd.must('metrics')
  assert.match(metrics, /^flypaperd_testimonies_total\{result="locked"\} 1$/m)

  // Who came by share.sock is its author's there, and nobody's elsewhere.
  const withdraw = (socket: string, author = AUTHOR) =>
    ask(socket, '/v1/withdraw', { who: [STRANGER, CLIENT], author })
  assert.deepEqual((await withdraw(control!)).answer, { withdrawn: [], others: [STRANGER, CLIENT] })
  assert.deepEqual((await withdraw(share!, 'another')).answer.withdrawn, [])
  assert.deepEqual((await withdraw(share!)).answer, { withdrawn: [STRANGER], others: [CLIENT] })
  assert.equal(await answersOf(STRANGER), 1)
  assert.equal((await ask(share!, '/v1/free', { who: [STRANGER] })).status, 403)
  assert.equal((await ask(share!, '/v1/lock', { lockouts: [{ who: STRANGER }] })).status, 403)

  // It counted nothing: the first offence of his own is the first.
  await send(out, { bursts: [[{ source: STRANGER, destination: '192.0.2.1', tcp: 9999 }]] })
  await lockoutsOf(daemon, 1)
  const [own] = JSON.parse(await flypaperd.must('list', '--json'))
  assert.deepEqual([own.source, own.because, own.times], [STRANGER, 'closed-port', 1])

  await flypaperd.must('lock', CLIENT)
  assert.equal(await goesOn(), false, 'an order is one')
})

test('never-listed, gateway, resolver and own addresses are refused; ten thousand at once meet the promotion limit', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const out = await world.host('out')
  await world.link(gate, out, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await gate.must(['ip', 'route', 'add', 'default', 'via', '192.0.2.9'])
  await serve(gate, 'tcp:22')
  const toml = 'never = ["203.0.113.9"]\n[promotion]\nper_second = 1\nburst = 100\n'
  using flypaperd = install(gate, toml, { files: { '/etc/resolv.conf': 'nameserver 203.0.113.53\n' } })
  await flypaperd.start()
  const share = join(flypaperd.directory, 'share.sock')
  const testify = async (who: readonly string[]) => {
    const testimony = who.map(one => ({ who: one, seconds: 600 }))
    const { status, answer } = await ask(share, '/v1/testify', { testimony, author: AUTHOR })
    assert.equal(status, 200, JSON.stringify(answer))
    return answer
  }
  const safe = {
    '203.0.113.9': 'never-list',
    '192.0.2.9': 'near',
    '203.0.113.53': 'near',
    '192.0.2.1': 'near',
  }
  const { locked, refused } = await testify([...Object.keys(safe), STRANGER])
  assert.deepEqual(locked, [STRANGER])
  assert.deepEqual(Object.fromEntries(refused.map(({ who, why }) => [who, why])), safe)

  let taken = 0
  for (let block = 0; block < 10; block++) {
    const { locked, refused } = await testify(
      Array.from({ length: 1000 }, (_, n) => `198.18.${block * 4 + (n >> 8)}.${n & 255}`),
    )
    assert.equal(locked.length + refused.length, 1000)
    taken += locked.length
  }
  assert.ok(taken >= 49 && taken < 200, `${taken} of 10,000: half of the burst, and one a second`)
  assert.equal(JSON.parse(await flypaperd.must('list', '--json')).length, taken + 1)
})

test('who is forgotten is in no file of the state directory any more, and free; others are where they were', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const out = await world.host('out')
  await world.link(gate, out, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, '[ring]\non = true\n')
  const daemon = await flypaperd.start()
  for (const source of [STRANGER, CLIENT])
    await send(out, { bursts: [[{ source, destination: '192.0.2.1', tcp: 9999 }]] })
  await lockoutsOf(daemon, 2)
  const paths = () =>
    readdirSync(flypaperd.directory)
      .map(name => join(flypaperd.directory, name))
      .filter(path => /\.(db|db-wal|nft|pcapng)$/.test(path) && existsSync(path))
  const files = () =>
    paths()
      .map(path => readFileSync(path, 'latin1'))
      .join('')
  const namers = () => paths().filter(path => readFileSync(path, 'latin1').includes(STRANGER))
  const bytes = (address: string) => String.fromCharCode(...address.split('.').map(Number))
  const isThere = (address: string) => files().includes(address) || files().includes(bytes(address))
  await eventually(
    'he is in the files',
    () => files().includes(`${STRANGER} timeout`) && files().includes(bytes(STRANGER)),
  )

  const told = JSON.parse(await flypaperd.must('forget', STRANGER, '--json'))
  assert.deepEqual([told.freed, told.lockouts, told.packets, told.scoured], [1, 1, 1, true])
  // On a busy machine the state file may be written a minute later.
  await eventually(
    () => `he is in no file: ${namers().join(' ')}`,
    () => !isThere(STRANGER),
    70_000,
  )
  assert.ok(isThere(CLIENT), 'the control')
  const { answers } = await send(out, { bursts: [[{ source: STRANGER, destination: '192.0.2.1', tcp: 22 }]] })
  assert.equal(answers.length, 1)
  assert.match((await flypaperd.run('why', STRANGER)).stdout, /^Nothing is known of 198\.51\.100\.50/)
  assert.match(await flypaperd.must('forget', STRANGER), /^Removed: 0 lockouts, .* Freed: 0\.$/m)
  const { code, stderr } = await flypaperd.run('forget', '198.51.100.0/99')
  assert.equal(code, 64, stderr)
})
