import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { type NetfilterPacket, NetlinkError, openQueue } from '../src/index.ts'
import { command } from './command.ts'
import { sendUdp, udpText, until } from './traffic.ts'

const noError = (error: Error) => assert.fail(error)

const TABLE = '/proc/net/netfilter/nfnetlink_queue'
/** Root of a user namespace is not root enough to read the kernel's table. */
const skip = isReadable() ? false : 'only root can read the table of queues'

function isReadable(): boolean {
  try {
    accessSync(TABLE, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** The kernel's line of this queue; undefined when nobody holds it. */
function kernelSays(queue: number) {
  const lines = readFileSync(TABLE, 'utf8').split('\n')
  const columns = lines.map(line => line.trim().split(/\s+/).map(Number)).find(([number]) => number === queue)
  if (columns === undefined) return undefined
  return { waiting: columns[2], full: columns[5], overruns: columns[6], lastId: columns[7] }
}

function assertTable(queue: number, expected: ReturnType<typeof kernelSays>): void {
  if (!skip) assert.deepEqual(kernelSays(queue), expected)
}

/** For bash: sends $i to port 1001. */
const TO_1001 = 'echo $i > /dev/udp/127.0.0.1/1001'

/** A service at this port, which must never hear anything; closes with `using`. */
async function deafService(port: number) {
  const heard: string[] = []
  const socket = createSocket('udp4', message => void heard.push(message.toString()))
  socket.bind(port, '127.0.0.1')
  await once(socket, 'listening')
  return { heard, [Symbol.dispose]: () => void socket.close() }
}

describeInNamespace(import.meta.url, () => {
  command('ip link set lo up')
  for (const queue of [1, 2])
    command(`iptables-nft -A INPUT -p udp --dport 100${queue} -j NFQUEUE --queue-num ${queue}`)

  describe('nfnetlink_queue, through the NFQUEUE target of iptables-nft', () => {
    test('control: without the rule, the service hears', async () => {
      using service = await deafService(1003)
      await sendUdp(1003, 'hello')
      await until('hello', () => service.heard.length === 1)
    })

    test('packets of several queues arrive and are dropped', async () => {
      using service = await deafService(1001)
      const seen: string[] = []
      const onBatch = (packets: readonly NetfilterPacket[]) => {
        for (const { group, hook, payload } of packets) seen.push(`${group} ${hook} ${udpText(payload)}`)
      }
      using queue = openQueue({ queues: [1, 2], onBatch, onError: noError })
      await sendUdp(1001, 'one', 'two')
      await sendUdp(1002, 'three')
      await until('three packets', () => seen.length === 3)
      assert.deepEqual(seen.sort(), ['1 1 one', '1 1 two', '2 1 three'])
      assert.deepEqual(queue.counts(), { packets: 3, waiting: 0, overruns: 0, lost: 0, malformed: 0 })
      assertTable(1, { waiting: 0, full: 0, overruns: 0, lastId: 2 })
      await sleep(20)
      assert.deepEqual(service.heard, [])
    })

    test('a callback that throws drops too, each time, and the verdict came before it', async () => {
      using service = await deafService(1001)
      const errors: string[] = []
      const waiting: (number | undefined)[] = []
      const onBatch = () => {
        if (!skip) waiting.push(kernelSays(1)?.waiting)
        throw new Error('careless')
      }
      using queue = openQueue({ queues: [1], onBatch, onError: error => void errors.push(error.message) })
      for (let count = 1; count <= 3; count++) {
        await sendUdp(1001, 'x')
        await until('an error', () => errors.length === count)
      }
      if (!skip) assert.deepEqual(waiting, [0, 0, 0])
      assert.deepEqual(errors, ['careless', 'careless', 'careless'])
      assert.equal(queue.counts().packets, 3)
      await sleep(20)
      assert.deepEqual(service.heard, [])
    })

    test('a burst is settled by batches', async () => {
      const batches: number[] = []
      using queue = openQueue({
        queues: [1],
        onBatch: packets => void batches.push(packets.length),
        onError: noError,
      })
      execFileSync('bash', ['-c', 'for i in $(seq 300); do echo $i > /dev/udp/127.0.0.1/1001; done'])
      await until('300 packets', () => queue.counts().packets === 300)
      assert.ok(batches.length < 30, `${batches.length} batches`)
      assertTable(1, { waiting: 0, full: 0, overruns: 0, lastId: 300 })
    })

    test('while batches are worked on, the queue is emptied: in order, and none is lost', async () => {
      const seen: string[] = []
      const batches: number[] = []
      using queue = openQueue({
        queues: [1],
        maxLength: 1000,
        onBatch(packets) {
          batches.push(packets.length)
          for (const { payload } of packets) seen.push(udpText(payload).trim())
          // More than a batch comes in the time of one.
          if (batches.length <= 8) sendNumbers(700)
        },
        onError: noError,
      })
      let sent = 0
      const sendNumbers = (count: number) => {
        execFileSync('bash', ['-c', `for i in $(seq ${sent + 1} ${sent + count}); do ${TO_1001}; done`])
        sent += count
      }
      sendNumbers(1)
      await until('all', () => queue.counts().packets + queue.counts().lost >= 1 + 8 * 700, 20_000)
      assert.deepEqual(queue.counts(), { packets: 5601, waiting: 0, overruns: 0, lost: 0, malformed: 0 })
      assert.deepEqual(
        seen,
        Array.from(seen, (_, i) => `${i + 1}`),
      )
      assert.ok(Math.max(...batches) <= 512, `${batches}`)
    })

    test('a steady stream comes in batches, the first after a silence at once, and nothing ticks in a silence', async () => {
      const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
      const before = timers()
      const came: number[] = []
      using queue = openQueue({
        queues: [1],
        onBatch: () => void came.push(performance.now()),
        onError: noError,
      })
      const waited: number[] = []
      for (let count = 1; count <= 5; count++) {
        const sent = performance.now()
        await sendUdp(1001, 'alone')
        await until('a packet', () => came.length === count)
        waited.push(came.at(-1)! - sent)
        await until('no timer', () => timers() === before)
      }
      assert.ok(Math.min(...waited) < 20, `waited ${waited}`)
      const began = performance.now()
      for (let count = 1; count <= 200; count++) {
        await sendUdp(1001, 'in company')
        await sleep(1)
      }
      await until('all', () => queue.counts().packets === 205)
      const batches = came.length - 5
      const most = (performance.now() - began) / 20 + 2
      assert.ok(batches > 1 && batches <= most, `${batches} batches, at most ${most} wanted`)
    })

    test('a batch that throws costs no other', async () => {
      const errors: string[] = []
      let batches = 0
      using queue = openQueue({
        queues: [1],
        onBatch() {
          if (++batches === 1) execFileSync('bash', ['-c', `for i in $(seq 1500); do ${TO_1001}; done`])
          if (batches === 2) throw new Error('careless')
        },
        onError: error => void errors.push(error.message),
      })
      await sendUdp(1001, 'first')
      await until('all', () => queue.counts().packets === 1501)
      assert.deepEqual(errors, ['careless'])
      assert.ok(batches >= 4, `${batches} batches`)
    })

    test('what finds the waiting room full stays with the kernel until there is room', { skip }, async () => {
      const waiting: number[] = []
      const left: number[] = []
      using queue = openQueue({
        queues: [1],
        waitingMax: 600,
        onBatch() {
          if (waiting.length === 0) execFileSync('bash', ['-c', `for i in $(seq 4000); do ${TO_1001}; done`])
          waiting.push(queue.counts().waiting)
          left.push(kernelSays(1)?.waiting ?? 0)
        },
        onError: noError,
      })
      await sendUdp(1001, 'first')
      await until('all', () => queue.counts().packets === 4001)
      assert.equal(queue.counts().lost, 0)
      // It is looked at before each reading, which brings 512.
      assert.ok(Math.max(...waiting) >= 600 - 512 && Math.max(...waiting) < 600 + 512, `${waiting}`)
      assert.ok(Math.max(...left.slice(1)) > 2000, `in the kernel: ${left}`)
    })

    test('what waits at closing is counted as lost, and said', async () => {
      const errors: string[] = []
      const batches: number[] = []
      const queue = openQueue({
        queues: [1],
        onBatch(packets) {
          batches.push(packets.length)
          if (batches.length === 1) execFileSync('bash', ['-c', `for i in $(seq 800); do ${TO_1001}; done`])
          else queue[Symbol.dispose]()
        },
        onError: error => void errors.push(error.message),
      })
      await sendUdp(1001, 'first')
      await until('the second batch', () => batches.length === 2)
      await sleep(50)
      assert.deepEqual(batches, [1, 512])
      assert.deepEqual(queue.counts(), { packets: 513, waiting: 0, overruns: 0, lost: 288, malformed: 0 })
      assert.deepEqual(errors, ['closed while 288 packets waited to be handed over'])
    })

    test('what does not fit the queue is dropped and counted', { skip }, async () => {
      using service = await deafService(1001)
      using queue = openQueue({ queues: [1], maxLength: 10, onBatch: () => {}, onError: noError })
      execFileSync('bash', ['-c', 'for i in $(seq 30); do echo $i > /dev/udp/127.0.0.1/1001; done'])
      await until('30 packets', () => queue.counts().packets + queue.counts().lost === 30)
      assert.deepEqual(queue.counts(), { packets: 10, waiting: 0, overruns: 0, lost: 20, malformed: 0 })
      await sendUdp(1001, 'again')
      await until('room again', () => queue.counts().packets === 11)
      queue[Symbol.dispose]()
      assert.equal(queue.counts().lost, 20)
      assert.deepEqual(service.heard, [])
    })

    test('what does not fit the receive buffer is dropped and counted', async () => {
      using service = await deafService(1001)
      using queue = openQueue({ queues: [1], receiveBuffer: 4096, onBatch: () => {}, onError: noError })
      await sendUdp(1001, 'first')
      await until('the first', () => queue.counts().packets === 1)
      execFileSync('bash', ['-c', 'for i in $(seq 50); do echo $i > /dev/udp/127.0.0.1/1001; done'])
      await until('some', () => queue.counts().packets > 1)
      await sendUdp(1001, 'last')
      await until('the last', () => queue.counts().packets + queue.counts().lost === 52)
      const { overruns, lost } = queue.counts()
      assert.ok(lost > 0, 'nothing was lost: the test is none')
      assert.equal(overruns, lost)
      if (!skip) assert.equal(kernelSays(1)?.overruns, lost)
      assert.deepEqual(service.heard, [])
    })

    test('1,500 datagrams of the largest size do not jam it', async () => {
      using queue = openQueue({ queues: [1], onBatch: () => {}, onError: noError })
      const large = new Uint8Array(65_507)
      for (let sent = 0; sent < 1500; sent += 50) await sendUdp(1001, ...Array(50).fill(large))
      await sendUdp(1001, 'small')
      await until('all', () => queue.counts().packets === 1501)
      assert.deepEqual(queue.counts(), { packets: 1501, waiting: 0, overruns: 0, lost: 0, malformed: 0 })
      assertTable(1, { waiting: 0, full: 0, overruns: 0, lastId: 1501 })
    })

    test('rules that go with packets waiting: no error, and it goes on', async () => {
      using queue = openQueue({ queues: [2], onBatch: () => {}, onError: noError })
      await sendUdp(1002, 'waits')
      command('iptables-nft -F')
      command('iptables-nft -A INPUT -p udp --dport 1001 -j NFQUEUE --queue-num 1')
      command('iptables-nft -A INPUT -p udp --dport 1002 -j NFQUEUE --queue-num 2')
      await sendUdp(1002, 'next')
      await until('both', () => queue.counts().packets === 2)
    })

    test('a held queue is in use, and the one who asked holds nothing', () => {
      const options = { onBatch: () => {}, onError: noError }
      using _ = openQueue({ ...options, queues: [2] })
      assert.throws(
        () => openQueue({ ...options, queues: [1, 2] }),
        new NetlinkError('in-use', 'queue 2 is held by another socket', 1),
      )
      assertTable(1, undefined)
    })

    test('closed is closed: 50 times, no descriptor stays, what waits is dropped', async () => {
      using service = await deafService(1001)
      const descriptors = () => readdirSync('/proc/self/fd').length
      const before = descriptors()
      for (let count = 0; count < 50; count++) {
        const queue = openQueue({ queues: [1], onBatch: () => assert.fail('closed'), onError: noError })
        execFileSync('bash', ['-c', 'echo waits > /dev/udp/127.0.0.1/1001'])
        queue[Symbol.dispose]()
        assertTable(1, undefined)
      }
      await sleep(50)
      assert.equal(descriptors(), before)
      assert.deepEqual(service.heard, [])
    })

    test('without the capability: said as such', () => {
      const index = new URL('../src/index.ts', import.meta.url)
      const program = `
        import { openLog, openQueue } from '${index}'
        const options = { onBatch() {}, onError() {} }
        for (const open of [() => openQueue({ ...options, queues: [1] }), () => openLog({ ...options, groups: [1] })])
          try { open() } catch (error) { console.log(error.code, error.message) }`
      const node = [process.execPath, '--input-type=module', '-e', program]
      const said = execFileSync('setpriv', ['--bounding-set=-net_admin', '--inh-caps=-net_admin', ...node])
      assert.equal(
        said.toString(),
        'no-permission nfnetlink_queue needs CAP_NET_ADMIN: operation not permitted (EPERM)\n' +
          'no-permission nfnetlink_log needs CAP_NET_ADMIN: operation not permitted (EPERM)\n',
      )
    })
  })
})
