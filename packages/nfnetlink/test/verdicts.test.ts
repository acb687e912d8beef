/** Verdicts one by one and by the batch, on the kernel, through the NFQUEUE target of iptables-nft. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { NetlinkError, openVerdictQueue, type QueuedPacket, type VerdictQueue } from '../src/index.ts'
import { command } from './command.ts'
import { sendUdp, udpText, until } from './traffic.ts'

async function service(port: number) {
  const heard: string[] = []
  const socket = createSocket('udp4', message => void heard.push(message.toString()))
  socket.bind(port, '127.0.0.1')
  await once(socket, 'listening')
  return { heard, [Symbol.dispose]: () => void socket.close() }
}

/** Decides about each, until the queue is closed. */
function judge(queue: VerdictQueue, decide: (packet: QueuedPacket, text: string) => void): Promise<void> {
  return (async () => {
    for await (const packets of queue) for (const packet of packets) decide(packet, udpText(packet.payload))
  })()
}

describeInNamespace(import.meta.url, () => {
  command('ip link set lo up')
  // What has mark 9 is through.
  command('iptables-nft -A INPUT -p udp --dport 1001 -m mark ! --mark 9 -j NFQUEUE --queue-num 1')
  command('iptables-nft -A INPUT -p udp --dport 1001 -m mark --mark 9')

  describe('openVerdictQueue', () => {
    test('what is accepted is heard, what is dropped is not', async () => {
      using heard = await service(1001)
      await using queue = openVerdictQueue({ queues: [1] })
      const judged = judge(queue, (packet, text) =>
        queue.decide(packet, text.startsWith('good') ? 'accept' : 'drop'),
      )
      await sendUdp(1001, 'good 1', 'bad 1', 'good 2', 'bad 2', 'good 3')
      await until('all', () => heard.heard.length === 3)
      await sleep(20)
      assert.deepEqual(heard.heard, ['good 1', 'good 2', 'good 3'])
      assert.deepEqual(queue.counts(), { packets: 5, waiting: 0, lost: 0, malformed: 0 })
      queue[Symbol.dispose]()
      await judged
    })

    test('repeat goes through the hook again, with its mark; a verdict in another order than they came', async () => {
      using heard = await service(1001)
      const seen: string[] = []
      const kept: QueuedPacket[] = []
      await using queue = openVerdictQueue({ queues: [1] })
      void judge(queue, (packet, text) => {
        seen.push(`${text} ${packet.mark ?? 0}`)
        kept.push(packet)
      })
      await sendUdp(1001, 'one', 'two')
      await until('two', () => kept.length === 2)
      queue.decide(kept[1]!, 'repeat', { mark: 9 })
      await until('the second', () => heard.heard.length === 1)
      // Without a mark that lets it through it comes once more.
      queue.decide(kept[0]!, 'repeat', { mark: 5 })
      await until('the first again', () => kept.length === 3)
      assert.deepEqual([heard.heard, seen], [['two'], ['one 0', 'two 0', 'one 5']])
      queue.decide(kept[2]!, 'accept', { mark: 9 })
      await until('the first', () => heard.heard.length === 2)
      const rules = command('iptables-nft -vxnL INPUT')
      assert.match(rules, /^ +1 +\d+ .*mark match 0x9 *$/m, 'repeat, and not accept, went through the rules')
      // Settled twice: no error.
      queue.decide(kept[2]!, 'drop')
    })

    test('one message settles all that came before', async () => {
      using heard = await service(1001)
      const packets: QueuedPacket[] = []
      await using queue = openVerdictQueue({ queues: [1] })
      void judge(queue, packet => void packets.push(packet))
      await sendUdp(1001, ...Array.from({ length: 20 }, (_, i) => `${i}`))
      await until('twenty', () => packets.length === 20)
      queue.decideUpTo(packets[9]!, 'accept')
      queue.decideUpTo(packets[19]!, 'drop')
      await until('ten', () => heard.heard.length === 10)
      await sleep(20)
      assert.deepEqual(
        heard.heard,
        Array.from({ length: 10 }, (_, i) => `${i}`),
      )
    })

    test('another payload', async () => {
      using heard = await service(1001)
      await using queue = openVerdictQueue({ queues: [1] })
      void judge(queue, packet => {
        const payload = packet.payload.slice()
        payload.set(Buffer.from('HELLO'), 28)
        payload.set([0, 0], 26) // No checksum.
        queue.decide(packet, 'accept', { payload })
      })
      await sendUdp(1001, 'hello')
      await until('it', () => heard.heard.length === 1)
      assert.deepEqual(heard.heard, ['HELLO'])
    })

    test('who does not iterate is not read ahead of for ever; what is left is dropped at closing', async () => {
      using heard = await service(1001)
      const queue = openVerdictQueue({ queues: [1], aheadMax: 8, maxLength: 100, copyRange: 64 })
      await sendUdp(1001, ...Array.from({ length: 90 }, (_, i) => `${i}`))
      await sleep(50)
      // One reading may bring more than one packet over.
      assert.ok(queue.counts().waiting >= 8 && queue.counts().waiting < 40, `${queue.counts().waiting}`)
      const seen: string[] = []
      for await (const packets of queue) {
        for (const packet of packets) {
          seen.push(udpText(packet.payload))
          if (seen.length <= 60) queue.decide(packet, 'accept')
        }
        if (seen.length >= 90) break
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 90 }, (_, i) => `${i}`),
        'none was lost meanwhile',
      )
      await until('sixty', () => heard.heard.length === 60)
      queue[Symbol.dispose]()
      await sleep(20)
      assert.equal(heard.heard.length, 60)
      for await (const packets of queue) assert.fail(`${packets.length} from a closed queue`)
      assert.throws(() => openVerdictQueue({ queues: [70_000] }), RangeError)
    })

    test('a queue is held once', () => {
      using _queue = openVerdictQueue({ queues: [1] })
      assert.throws(
        () => openVerdictQueue({ queues: [1] }),
        (error: unknown) => error instanceof NetlinkError && error.code === 'in-use',
      )
    })

    test('what does not fit is dropped, or accepted where that is wanted', async () => {
      for (const failOpen of [false, true]) {
        using heard = await service(1001)
        using queue = openVerdictQueue({ queues: [1], maxLength: 5, failOpen })
        await sendUdp(1001, ...Array.from({ length: 12 }, (_, i) => `${i}`))
        await sleep(50)
        assert.deepEqual(heard.heard, failOpen ? ['5', '6', '7', '8', '9', '10', '11'] : [])
        assert.equal(queue.counts().packets, 0)
      }
    })
  })
})
