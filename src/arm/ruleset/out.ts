/** The reflex, on the way out: whom we talk to is remembered, and nobody is answered who sticks, or who would learn from it what is here. */
import type { Mode, Treatment } from '../../settings/settings.ts'
import { originalFlow } from './flows.ts'
import { host, isIn, isKey, isNotWithin, isWithin, put, TO_EVERYBODY, TO_NO_SERVICE, UDP } from './matches.ts'
import { OURS } from './reach.ts'
import { IPV4_ENDS, TO_ITSELF } from './reflex.ts'
import { each, type Match, type NftFamily, only, type Rule, rule } from './rule.ts'
import { because, type ChainSpec, type Ground, type Paragraph } from './spec.ts'
import { refusals } from './unaccepted.ts'

export function out(mode: Mode, treatment: Treatment): ChainSpec {
  const known = {
    ...rule(
      ['tcp flags & (fin | psh) != 0', 'ct state established', 'ct direction reply'],
      put('update', 'flypaper_known', 'daddr'),
    ),
    why: 'data or a farewell in answer: its client has opened a whole connection, which no forged source can',
  }
  const silenced = treatment.silent.length > 0 ? [silentReset, silentError] : []
  const ways = (family: NftFamily): readonly Paragraph[] => [
    because('to who is held or locked out', only(family, toStuck)),
    because(
      'both sides have spoken, twice: one forged packet must not cut its client off',
      only(family, [
        rule(['meta l4proto { udp, sctp }', 'ct status assured'], put('update', 'flypaper_known', 'daddr')),
      ]),
    ),
    because('what was originated here, or behind us, goes out to whomever', [
      rule([...(family === 'ip' ? ['meta nfproto ipv4'] : []), OURS], 'goto flypaper_ours'),
    ]),
    { rules: only(family, [known, ...silenced]) },
  ]
  return {
    name: 'flypaper_out',
    why: 'on the way out: remember whom we talk to, and answer nobody who sticks',
    hook: 'type filter hook postrouting priority 450; policy accept;',
    paragraphs: [
      because(TO_ITSELF, [rule(['oif "lo"'], 'return')]),
      ...(mode === 'unaccepted' ? [refusals] : []),
      because('an answer that was translated: perhaps of a port without a socket of ours', [
        rule(['ct status dnat', 'ct direction reply'], 'jump flypaper_translated'),
      ]),
      because('not tracked: who has asked whom is told by the packet alone', [
        rule(['ct state untracked', 'meta l4proto { tcp, udp }'], 'jump flypaper_ours'),
      ]),
      because('it answers a packet with ACK that no connection takes', [
        rule(['tcp flags & (rst | ack) == rst', 'ct direction reply'], 'jump flypaper_reset'),
        rule(['tcp flags & (rst | ack) == rst', 'ct state invalid,untracked'], 'jump flypaper_reset'),
      ]),
      because('it tells which protocols are spoken here, or which ports of SCTP are closed', noWord),
      ...ways('ip'),
      IPV4_ENDS,
      ...ways('ip6'),
    ],
  }
}

/** The first chunk of SCTP, where an ABORT is alone (RFC 9260, section 3.3.7). By place: older kernels do not know chunks. */
const ABORT = 'meta l4proto sctp @th,96,8 6'

/**
 * The kernel's own answers to what it does not speak (RFC 1122, 3.2.2.1; RFC 8200, section 4: code 1). What they answer is not dropped on its way in:
 * programs with raw sockets take it, and no rule sees them. The kernel is silent when there is one.
 */
const noWord: readonly Rule[] = each(
  [
    ['icmp type destination-unreachable', 'icmp code prot-unreachable'],
    ['icmpv6 type parameter-problem', 'icmpv6 code 1'],
    [ABORT, 'ct direction reply'],
    [ABORT, 'ct state invalid,untracked'],
  ],
  'jump flypaper_reset',
)

const toStuck: readonly Rule[] = each(
  [[isIn('flypaper_hold', 'daddr')], [isIn('flypaper', 'daddr')], [isWithin('flypaper_nets', 'daddr')]],
  'goto flypaper_to_stuck',
)

/**
 * A socket that ends its connection sends RST with ACK (RFC 9293, 3.10.7.4), which always goes out. Without ACK it answers a packet for which
 * there is no connection: a late one, or one of an ACK scan, which would learn from it which ports are open. ABORT of SCTP is the same for
 * associations, and errors about protocols, which are nobody's old connection, come here as well.
 */
export function reset(): ChainSpec {
  return {
    name: 'flypaper_reset',
    why: 'no connection, no such protocol: such answers would tell strangers which ports and protocols are open',
    paragraphs: [
      because('forwarded, or in the name of a host behind us: it tells nothing of this machine', [
        rule(['iif != 0'], 'return'),
        rule([isNotWithin('flypaper_own', 'saddr')], 'return'),
      ]),
      because('both sides have opened this connection, as conntrack has seen', [
        rule(['ct status assured'], 'return'),
      ]),
      because(
        'whose old connection is gone, after a reboot or failover, shall hear it: who is never judged, and clients that are known',
        each(
          [
            [isWithin('flypaper_never', 'daddr')],
            [isWithin('flypaper_own', 'daddr')],
            ['meta l4proto { tcp, sctp }', isIn('flypaper_known', 'daddr')],
          ],
          'return',
        ),
      ),
      because('everybody else hears nothing', [rule([], 'counter', 'drop')]),
    ],
  }
}

const SILENT = [host('daddr'), 'tcp dport', 'tcp sport'] as const

/** Each RST that is held back prolongs the memory: whoever asks again hears nothing again. */
const silentReset: Rule = {
  ...rule(
    ['tcp flags & rst != 0', isKey('flypaper_stray', ...SILENT)],
    { put: 'update', set: 'flypaper_stray', key: SILENT },
    'counter',
    'drop',
  ),
  why: 'no RST from a port that is to be silent',
}

/** Port unreachable and the like: who sent the packet that it answers, conntrack knows. */
const silentError: Rule = {
  ...rule(
    [
      { ip: 'icmp type destination-unreachable', ip6: 'icmpv6 type destination-unreachable' },
      isKey('flypaper_stray', ...originalFlow),
    ],
    'counter',
    'drop',
  ),
  why: 'no error from a port that is to be silent',
}

/** As the client names the port: the translation back is at 100. */
const ANSWERED = ['meta l4proto', 'th sport'] as const

/**
 * Ports of our own addresses that are handed on: DNAT and redirect, so containers and node ports. They are served while somebody
 * behind them answers, and no socket tells so.
 */
export function translated(): ChainSpec {
  return {
    name: 'flypaper_translated',
    why: 'answers by way of an address translation: the port is served, though no socket here has it',
    paragraphs: [
      because('not one of our addresses: to us the port is nothing', [
        rule([isNotWithin('flypaper_own', 'saddr')], 'return'),
      ]),
      because(
        'a connection is answered, data or a farewell goes out: as if somebody listened here',
        each([['tcp flags & (fin | syn | psh) != 0'], [UDP]], {
          put: 'update',
          set: 'flypaper_served',
          key: ANSWERED,
        }),
      ),
    ],
  }
}

/** Where the kernel does not tell broadcasts (nft_fib): what is asked by them. NetBIOS, SSDP, WS-Discovery, mDNS, LLMNR. */
const ASK_EVERYBODY = '137, 138, 1900, 3702, 5353, 5355'

/** Whoever has a socket below `firstLocalPort` serves; from there on it may be one that asks. */
export function ours({ firstLocalPort, fib }: Ground): ChainSpec {
  const toEverybody: readonly Match[] = fib
    ? [UDP, 'fib daddr type { broadcast, multicast }']
    : [`udp dport { ${ASK_EVERYBODY} }`]
  const served: readonly Match[] = [
    'iif 0',
    `udp sport 0-${firstLocalPort - 1}`,
    isKey('flypaper_served', 'meta l4proto', 'th sport'),
  ]
  return {
    name: 'flypaper_ours',
    why: 'what was originated here, or behind us: whom we talk to, from conntrack',
    paragraphs: [
      because('only the first packet of a connection tells something new', [
        rule(['ct state established,related,invalid'], 'return'),
      ]),
      because('a question to the whole neighbourhood: for a moment anybody may answer', [
        rule(toEverybody, { put: 'update', set: 'flypaper_asked', key: ['udp sport'] }),
      ]),
      because(
        'multicast and broadcast: nobody in particular',
        each(
          TO_EVERYBODY.map(match => [match]),
          'return',
        ),
      ),
      because('a connection older than conntrack: who opened it is not to be seen', [
        rule(['tcp flags & (syn | ack) != syn'], 'return'),
      ]),
      because('the answer of a service here, later than conntrack remembers, or not tracked: no question', [
        rule([...served, TO_NO_SERVICE], 'return'),
        rule(['ct state untracked', ...served], 'return'),
      ]),
      because('a host that we talk to: one forged packet must not cut it off', [
        rule([], put('update', 'flypaper_peers', 'daddr')),
      ]),
      because('our questions by UDP: their answers may be later than conntrack remembers', [
        rule(
          [],
          { put: 'update', set: 'flypaper_questions', key: [host('daddr'), 'udp dport', 'udp sport'] },
          'return',
        ),
      ]),
      because('no room for it: until then whom we talk to is believed for every port', [
        rule([UDP], { put: 'update', set: 'flypaper_forgotten', key: ['meta nfproto'] }),
      ]),
    ],
  }
}
