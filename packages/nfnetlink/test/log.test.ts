import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { type NetfilterPacket, NetlinkError, openLog } from '../src/index.ts'
import { command } from './command.ts'
import { sendUdp, udpText, until } from './traffic.ts'

const RULES = `
table inet nfnetlink_test {
  chain input {
    type filter hook input priority 0
    udp dport 1001 meta mark set 77 log group 1 drop
    udp dport 1002 log group 2 drop
    udp dport 1003 log group 3 queue-threshold 1 drop
  }
}`

const noError = (error: Error) => assert.fail(error)

describeInNamespace(import.meta.url, () => {
  command('ip link set lo up')
  command('nft -f -', RULES)

  describe('NFLOG', () => {
    test('packets of several groups arrive with their bytes, hook and mark', async () => {
      const seen: string[] = []
      const onBatch = (packets: readonly NetfilterPacket[]) => {
        for (const { group, hook, mark, payload } of packets)
          seen.push(`${group} ${hook} ${mark} ${udpText(payload)}`)
      }
      using log = openLog({ groups: [1, 2], onBatch, onError: noError })
      await sendUdp(1001, 'one', 'two')
      await sendUdp(1002, 'three')
      await until('three packets', () => seen.length === 3)
      assert.deepEqual(seen.sort(), ['1 1 77 one', '1 1 77 two', '2 1 undefined three'])
      assert.deepEqual(log.counts(), { packets: 3, waiting: 0, overruns: 0, lost: 0, malformed: 0 })
    })

    test('a single packet does not wait for company', async () => {
      const waited: number[] = []
      let sent = 0
      using _ = openLog({
        groups: [2],
        onBatch: () => void waited.push(performance.now() - sent),
        onError: noError,
      })
      for (let count = 1; count <= 9; count++) {
        sent = performance.now()
        await sendUdp(1002, 'alone')
        await until('a packet', () => waited.length === count)
      }
      const median = waited.sort((a, b) => a - b)[4]!
      assert.ok(median < 100, `median of ${median} ms; with the kernel's default it is 1000`)
    })

    test('the payload is cut at the copy range', async () => {
      const lengths: number[] = []
      using _ = openLog({
        groups: [2],
        copyRange: 40,
        onBatch: packets => lengths.push(...packets.map(packet => packet.payload.length)),
        onError: noError,
      })
      await sendUdp(1002, 'x'.repeat(1000), 'y')
      await until('two packets', () => lengths.length === 2)
      assert.deepEqual(lengths, [40, 29])
    })

    test('large packets copied whole fit, in whatever company', async () => {
      const lengths: number[] = []
      using log = openLog({
        groups: [2],
        copyRange: 65_000,
        onBatch: packets => lengths.push(...packets.map(packet => packet.payload.length)),
        onError: noError,
      })
      await sendUdp(1002, 'x', 'x'.repeat(64_000), 'x', 'x'.repeat(30_000), 'x'.repeat(65_507))
      await until('five packets', () => lengths.length === 5)
      assert.deepEqual(lengths, [29, 64_028, 29, 30_028, 65_000])
      assert.deepEqual(log.counts(), { packets: 5, waiting: 0, overruns: 0, lost: 0, malformed: 0 })
    })

    test('what a callback throws is told, and the next packet comes', async () => {
      const errors: Error[] = []
      let batches = 0
      const onBatch = () => {
        batches += 1
        throw new Error(`batch ${batches}`)
      }
      using _ = openLog({ groups: [2], onBatch, onError: error => void errors.push(error) })
      await sendUdp(1002, 'one')
      await until('the first', () => batches === 1)
      await sendUdp(1002, 'two')
      await until('the second', () => batches === 2)
      assert.deepEqual(
        errors.map(error => error.message),
        ['batch 1', 'batch 2'],
      )
    })

    test('a held group is in use, and the one who asked holds nothing', () => {
      const options = { onBatch: () => {}, onError: noError }
      using _ = openLog({ ...options, groups: [2] })
      assert.throws(
        () => openLog({ ...options, groups: [1, 2] }),
        new NetlinkError('in-use', 'NFLOG group 2 is held by another socket', 1),
      )
      openLog({ ...options, groups: [1] })[Symbol.dispose]()
    })

    test('numbers that nobody can mean', () => {
      const options = { onBatch: () => {}, onError: noError }
      assert.throws(() => openLog({ ...options, groups: [65_536] }), RangeError)
      assert.throws(() => openLog({ ...options, groups: [1], threshold: 0 }), RangeError)
      assert.throws(() => openLog({ ...options, groups: [1], copyRange: 1.5 }), RangeError)
    })

    test('a reader that is too slow knows how much it missed', async () => {
      let packets = 0
      using log = openLog({
        groups: [3],
        receiveBuffer: 4096,
        onBatch: batch => {
          packets += batch.length
        },
        onError: noError,
      })
      await sendUdp(1003, 'first')
      await until('the first', () => packets === 1)
      const sender = 'for i in $(seq 500); do echo $i > /dev/udp/127.0.0.1/1003 || true; done'
      execFileSync('bash', ['-c', sender]) // Nothing is read while this runs.
      await sleep(50)
      await sendUdp(1003, 'last')
      await until('the last', () => packets + log.counts().lost === 502)
      const { overruns, lost } = log.counts()
      assert.ok(lost > 0, 'nothing was lost: the test is none')
      assert.equal(overruns, lost)
    })

    test('closed is closed: 200 times, no descriptor stays, no callback comes', async () => {
      const descriptors = () => readdirSync('/proc/self/fd').length
      const before = descriptors()
      for (let count = 0; count < 200; count++) {
        const log = openLog({ groups: [2], onBatch: () => assert.fail('closed'), onError: noError })
        if (count % 20 === 0) await sendUdp(1002, 'too late')
        log[Symbol.dispose]()
        log[Symbol.dispose]()
        assert.equal(log.counts().packets, 0)
        assert.throws(() => openLog({ groups: [2, 2], onBatch: () => {}, onError: noError }), NetlinkError)
      }
      await sleep(50)
      assert.equal(descriptors(), before)
    })
  })
})
