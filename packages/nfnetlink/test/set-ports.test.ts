/** Ports in named sets and maps of all families, as the kernel holds them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { FAMILIES, readPorts, watchRuleset } from '../src/index.ts'

const nft = (input: string) => execFileSync('nft', ['-f', '-'], { input })

describeInNamespace(import.meta.url, () => {
  test('single ones, ranges, parts of concatenations, and the chains to which verdicts send', () => {
    nft(`table ip theirs {
      chain pod { }
      map plain { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.5 } }
      set spans { type inet_service; flags interval; elements = { 5, 7-9, 10-11, 65000-65535 } }
      set many { type inet_service; elements = { 1, 2, 3 } }
      set empty { type inet_service; flags interval; }
      map ranges { type inet_service : verdict; flags interval; elements = { 0-1 : goto pod, 2-3 : accept, 9 : jump pod } }
      map both { type ipv4_addr . inet_service : ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/24 . 8000-8010 : 10.0.0.5 . 80 } }
      map ways { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 192.0.2.1 . tcp . 90 : goto pod } }
      map addresses { type ipv4_addr : ipv4_addr; elements = { 192.0.2.1 : 10.0.0.5 } }
    }
    table inet theirs { map plain { type ifname . inet_service : ipv6_addr; elements = { "eth0" . 81 : 2001:db8::5 }; }; }
    table ip6 theirs { map plain { type ipv6_addr . inet_service : ipv6_addr; elements = { 2001:db8::1 . 82 : 2001:db8::5 }; }; }`)
    const shown = (name: string, family = 'ip', most = 100) =>
      readPorts({ family, table: 'theirs', name }, most)
        .map(({ parts, target }) => `${parts.map(part => part?.join('-') ?? '').join(' . ')}${target ?? ''}`)
        .sort()
    assert.deepEqual(shown('plain'), ['80-80'])
    assert.deepEqual(shown('plain', 'inet'), [' . 81-81'])
    assert.deepEqual(shown('plain', 'ip6'), [' . 82-82'])
    assert.deepEqual(shown('spans'), ['10-11', '5-5', '65000-65535', '7-9'])
    assert.deepEqual(shown('ranges'), ['0-1pod', '2-3', '9-9pod'])
    assert.deepEqual(shown('both'), [' . 8000-8010'])
    assert.deepEqual(shown('ways'), [' .  . 90-90pod'])
    for (const name of ['addresses', 'empty', 'none']) assert.deepEqual(shown(name), [])
    assert.equal(shown('many', 'ip', 2).length, 2)
    assert.deepEqual(shown('plain', 'ip', 0), [])
    // What was not read is no open range.
    assert.ok(!shown('spans', 'ip', 1).some(range => range.endsWith('65535') && !range.startsWith('65000')))
  })

  test('what others put into sets that count is told, once for each transaction', async () => {
    nft('table ip6 maps { set counts { type inet_service; }; set other { type inet_service; }; }')
    const told: string[] = []
    using _ = watchRuleset({
      table: 'filter',
      onChange: () => assert.fail(),
      onElements: {
        counts: (family, table, set) => `${FAMILIES[family]} ${table} ${set}` === 'ip6 maps counts',
        told: () => told.push('elements'),
      },
      onLost: () => assert.fail(),
      onError: error => assert.fail(error),
    })
    nft('add element ip6 maps other { 1, 2 }')
    nft(
      'add element ip6 maps counts { 1, 2 }; add element ip6 maps counts { 3 }; add element ip6 maps other { 3 }',
    )
    nft('flush set ip6 maps counts')
    for (let patience = 100; told.length < 2 && patience > 0; patience--) await sleep(50)
    await sleep(200)
    assert.deepEqual(told, ['elements', 'elements'])
  })
})
