/** `silent`, rule by rule: ports that are translated, flows that conntrack does not know, and services that take the packet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { serve } from '../support/server.ts'
import { answersTo, GATE, hosts } from '../support/silence.ts'
import { makeWorld } from '../support/world.ts'

const SILENT = 'capture = "log"\n[evidence]\nsilent = ["tcp/112-114", "udp/113-114"]'
/** 213 is translated to 113, 112 is not tracked, on 114 somebody listens. */
const TRIES = [{ tcp: 213 }, { udp: 213 }, { tcp: 112 }, { tcp: 114 }, { udp: 114 }]
const OPEN = ['rst', 'icmp', 'rst', 'syn-ack', 'udp']
const HELD = ['nothing', 'nothing', 'nothing', 'syn-ack', 'udp']

test('a silent port that is translated or not tracked is silent, and a service on one goes on answering', async () => {
  await using world = await makeWorld()
  const { gate, sender } = await hosts(world)
  await serve(gate, 'tcp:114', 'udp:114')
  await gate.nft(`table inet theirs {
    chain raw { type filter hook prerouting priority raw; tcp dport 112 notrack; }
    chain output { type filter hook output priority raw; tcp sport 112 notrack; }
    chain prerouting {
      type nat hook prerouting priority dstnat
      tcp dport 213 redirect to :113
      udp dport 213 redirect to :113
    }
  }`)
  const { kinds } = await answersTo(sender, GATE, TRIES)
  assert.deepEqual(kinds, [...OPEN, ...OPEN], 'the control: without the trap')
  for (const closed of ['listening', 'unaccepted']) {
    using flypaperd = install(gate, `closed = "${closed}"\n${SILENT}`)
    const daemon = await flypaperd.start()
    const { kinds } = await answersTo(sender, GATE, TRIES)
    assert.deepEqual(kinds, [...HELD, ...HELD], closed)
    for (const set of ['flypaper_stray', 'flypaper_stray6']) {
      const noted = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
      assert.match(noted, /\. 213 /, 'the control: a flow that is held back')
      assert.doesNotMatch(noted, /\. 114 /, 'what a service took is not held back, nor its reset')
    }
    const { sources: scanners } = await answersTo(sender, GATE, [{ tcp: 115 }])
    assert.deepEqual((await lockoutsOf(daemon, 2)).sort(), scanners.sort(), 'the control')
    await flypaperd.must('stop')
    await daemon.ended
  }
})
