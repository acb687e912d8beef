import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { openLog, openQueue, watchRoutes } from '../src/index.ts'
import { command } from './command.ts'
import { sendUdp, until } from './traffic.ts'

const RULES = `
table inet nfnetlink_test {
  chain input {
    type filter hook input priority 0
    udp dport 1001 log group 1 drop
  }
}`

describeInNamespace(import.meta.url, () => {
  command('ip link set lo up')
  command('nft -f -', RULES)
  command('iptables-nft -A INPUT -p udp --dport 1002 -j NFQUEUE --queue-num 2')

  test('garbage collection does not stop a reader', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const seen = { logged: 0, queued: 0, changes: 0 }
    const onError = (error: Error) => assert.fail(error)
    using _log = openLog({ groups: [1], onBatch: () => void seen.logged++, onError })
    using _queue = openQueue({ queues: [2], onBatch: () => void seen.queued++, onError })
    using _watch = watchRoutes({ onChange: () => void seen.changes++, onError })
    for (let round = 1; round <= 5; round++) {
      for (let again = 0; again < 5; again++) {
        collectGarbage()
        await sleep(1)
      }
      await sendUdp(1001, 'still here?')
      await sendUdp(1002, 'still here?')
      command(`ip address add 192.0.2.${round}/32 dev lo`)
      await until('all three', () => seen.logged === round && seen.queued === round && seen.changes >= round)
    }
  })
})
