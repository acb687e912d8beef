/** Every combination of TCP flags, from its bytes to its verdict; what the kernel's rules make of them: test/kernel/replay.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '../../src/decode/decode.ts'
import { openEvidence } from '../../src/judge/evidence.ts'
import { judge } from '../../src/judge/judge.ts'
import { encode } from '../../src/prove/packets.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { neverOf } from '../../src/settings/settings.ts'
import { flyNamer } from '../../src/terms/fly.ts'
import { EMPTY } from '../../src/terms/prefix-set.ts'
import { TCP_FLAGS } from '../support/tcp-flags.ts'

const settings = parseSettings('', 'test')
const judging = { never: neverOf(settings), near: [], holdOnly: [], evidence: settings.evidence }
const nameFly = flyNamer(EMPTY)

test('all 64 are in the oracle, each once', () => {
  assert.deepEqual(
    TCP_FLAGS.map(({ flags }) => flags).sort((one, other) => one - other),
    Array.from({ length: 64 }, (_, flags) => flags),
  )
})

for (const [source, destination] of [
  ['203.0.113.9', '192.0.2.1'],
  ['2001:db8:9::9', '2001:db8:1::1'],
] as const)
  test(`${source}: decoded as they are, and judged as the oracle says`, () => {
    for (const { letters, flags, became } of TCP_FLAGS) {
      const packet = decode(encode({ source, destination, tcp: 81, flags }))
      assert.ok('tried' in packet)
      assert.deepEqual(packet.tried, { kind: 'tcp', port: 81, from: 40_000, flags }, letters)
      // Backscatter the kernel drops, and hands over nothing.
      if (became === 'backscatter') continue
      const channel = became === 'late' ? 'late' : 'offence'
      const asked = {
        packet,
        fly: nameFly(packet.source),
        channel,
        now: 1_000_000,
        isServed: () => false,
      } as const
      const { verdict, because } = judge(asked, judging, openEvidence())
      assert.deepEqual([verdict, because], [became === 'late' ? 'let-go' : 'stick', became], letters)
    }
  })
