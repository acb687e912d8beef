import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from '../../src/settings/load.ts'
import { type Case, explained } from './explained.ts'

const cases: Case[] = [
  {
    what: 'a duration as a number',
    text: '[lockout]\nfirst = 3600',
    expected: `/etc/f.toml:2:9: lockout.first must be a duration from 1s to 3650d, or "forever", not 3600
  first = 3600
          ^
  write first = "1h"`,
  },
  {
    what: 'for ever as fail2ban writes it',
    text: '[lockout]\nfirst = -1',
    expected: `/etc/f.toml:2:9: lockout.first must be a duration from 1s to 3650d, or "forever", not -1
  first = -1
          ^
  write first = "forever"`,
  },
  {
    what: 'a duration as a number that formatting would round',
    text: 'served = 3661',
    expected: `/etc/f.toml:1:10: served must be a duration from 0s to 1d, not 3661
  served = 3661
           ^
  write served = "3661s"`,
  },
  {
    what: 'a duration in words',
    text: 'served = "10 Minutes" # ten',
    expected: `/etc/f.toml:1:10: served must be a duration from 0s to 1d, not "10 Minutes"
  served = "10 Minutes" # ten
           ^
  write served = "10m"`,
  },
  {
    what: 'one port that is to be its own sister',
    text: '[evidence]\nsisters = ["tcp/80"]',
    expected: `/etc/f.toml:2:12: entry 1 of evidence.sisters must be protocols and ports, at least two, not "tcp/80"
  sisters = ["tcp/80"]
             ^
  write them as in "tcp/80 tcp/443 udp/443", ports up to 65535`,
  },
  {
    what: 'sisters in lists of their own',
    text: '[evidence]\nsisters = [["tcp/80", 443]]',
    expected: `/etc/f.toml:2:12: entry 1 of evidence.sisters must be protocols and ports, at least two, not a list
  sisters = [["tcp/80", 443]]
             ^
  write them as in "tcp/80 tcp/443 udp/443", ports up to 65535`,
  },
  {
    what: 'more ports that are to be excusable than a host has reasons for',
    text: '[evidence]\nexcusable = ["tcp/1-1024", "udp/9"]',
    expected: `/etc/f.toml:2:13: evidence.excusable names 1025 ports, where 1024 are the most
  excusable = ["tcp/1-1024", "udp/9"]
              ^
  write those alone that honest hosts ask for: whoever tries two of them goes free`,
  },
  {
    what: 'more sisters than that',
    text: '[evidence]\nsisters = ["tcp/1-1000 udp/1-1000"]',
    expected: `/etc/f.toml:2:11: evidence.sisters names 2000 ports, where 1024 are the most
  sisters = ["tcp/1-1000 udp/1-1000"]
            ^
  write those alone that honest hosts ask for: whoever tries two of them goes free`,
  },
  {
    what: 'a bad duration',
    text: 'served = "soon"',
    expected: `/etc/f.toml:1:10: served must be a duration from 0s to 1d, not "soon"
  served = "soon"
           ^
  write a number and s, m, h, d or w, such as "90s" or "1h30m"`,
  },
  {
    what: 'a duration out of range',
    text: 'hold = "11m"',
    expected: `/etc/f.toml:1:8: hold must be a duration from 1s to 10m, not "11m"
  hold = "11m"
         ^
  write hold = "10m"`,
  },
  {
    what: 'forever where it is not possible',
    text: 'hold = "forever"',
    expected: `/etc/f.toml:1:8: hold must be a duration from 1s to 10m, not "forever"
  hold = "forever"
         ^
  write a number and s, m, h, d or w, such as "90s" or "1h30m"`,
  },
  {
    what: 'forever in another spelling',
    text: 'lockout.first = "For Ever"',
    expected: `/etc/f.toml:1:17: lockout.first must be a duration from 1s to 3650d, or "forever", not "For Ever"
  lockout.first = "For Ever"
                  ^
  write first = "forever"`,
  },
  {
    what: 'longest shorter than first',
    text: '[lockout]\nfirst = "2h"\nseveral = "3h"\nlongest_forgeable = "1h"',
    expected: `/etc/f.toml:4:21: "1h" is shorter than several, which is "3h"
  longest_forgeable = "1h"
                      ^
  write longest_forgeable = "3h"`,
  },
  {
    what: 'longest shorter than the default of first',
    text: '[lockout]\nmany = "1m"',
    expected: `/etc/f.toml:2:8: "1m" is shorter than first, which is "10m"
  many = "1m"
         ^
  write many = "10m"`,
  },
  {
    what: 'longest that ends where first does not',
    text: 'lockout = { first = "forever", several = "7d" }',
    expected: `/etc/f.toml:1:42: "7d" is shorter than first, which is "forever"
  lockout = { first = "forever", several = "7d" }
                                           ^
  write several = "forever"`,
  },
  {
    what: 'not one of the choices',
    text: 'closed = "all"',
    expected: `/etc/f.toml:1:10: closed must be "auto", "unmatched", "listening" or "unaccepted", not "all"
  closed = "all"
           ^
  write one of "auto", "unmatched", "listening", "unaccepted"`,
  },
  {
    what: 'one of the choices misspelt',
    text: 'closed = "unmached"',
    expected: `/etc/f.toml:1:10: closed must be "auto", "unmatched", "listening" or "unaccepted", not "unmached"
  closed = "unmached"
           ^
  write closed = "unmatched"`,
  },
  {
    what: 'a table where one of the choices is needed',
    text: 'capture = {}',
    expected: `/etc/f.toml:1:11: capture must be "auto", "queue" or "log", not a table
  capture = {}
            ^
  write one of "auto", "queue", "log"`,
  },
  {
    what: 'a number out of range',
    text: 'number = 65534',
    expected: `/etc/f.toml:1:10: number must be a whole number from 1 to 65529, not 65534
  number = 65534
           ^
  write number = 65529`,
  },
  {
    what: 'a number in quotes',
    text: 'lockout.many_ports = "6"',
    expected: `/etc/f.toml:1:22: lockout.many_ports must be a whole number from 2 to 64, not "6"
  lockout.many_ports = "6"
                       ^
  write many_ports = 6`,
  },
  {
    what: 'a number that is not whole',
    text: 'lockout.many_ports = 1.5',
    expected: `/etc/f.toml:1:22: lockout.many_ports must be a whole number from 2 to 64, not 1.5
  lockout.many_ports = 1.5
                       ^
  write many_ports = 2`,
  },
  {
    what: 'no number',
    text: 'number = nan',
    expected: `/etc/f.toml:1:10: number must be a whole number from 1 to 65529, not NaN
  number = nan
           ^
  write digits without quotes`,
  },
  {
    what: 'a date as a number',
    text: 'sizes.hold = 1979-05-27 07:32:00',
    expected: `/etc/f.toml:1:14: sizes.hold must be a whole number from 16 to 16777216, not a date or time
  sizes.hold = 1979-05-27 07:32:00
               ^
  write digits without quotes`,
  },
  {
    what: 'a host name in never',
    text: 'never = [\n  "192.0.2.7", # ] not the end\n  "ssh.example.org",\n]',
    expected: `/etc/f.toml:3:3: "ssh.example.org" is a name, and names are not looked up here
    "ssh.example.org",
    ^
  write its addresses, which "getent ahosts ssh.example.org" shows`,
  },
  {
    what: 'host bits in a prefix',
    text: 'never = ["192.0.2.0/24", "192.0.2.7/24"]',
    expected: `/etc/f.toml:1:26: "192.0.2.7/24" has bits set behind the first 24
  never = ["192.0.2.0/24", "192.0.2.7/24"]
                           ^
  write "192.0.2.0/24", or "192.0.2.7" for that one address`,
  },
  {
    what: 'a prefix length that cannot be',
    text: 'never = ["2001:db8::/129"]',
    expected: `/etc/f.toml:1:10: "2001:db8::/129" has no valid prefix length
  never = ["2001:db8::/129"]
           ^
  write a length from 0 to 128 behind the slash`,
  },
  {
    what: 'a zone',
    text: 'never = ["fe80::1%eth0"]',
    expected: `/etc/f.toml:1:10: entry 1 of never must be an address or a prefix, not "fe80::1%eth0"
  never = ["fe80::1%eth0"]
           ^
  write the address without the % and what follows it`,
  },
  {
    what: 'what is no address at all',
    text: 'never = ["192.0.2.1-192.0.2.9"]',
    expected: `/etc/f.toml:1:10: entry 1 of never must be an address or a prefix, not "192.0.2.1-192.0.2.9"
  never = ["192.0.2.1-192.0.2.9"]
           ^
  write an address such as "192.0.2.7" or a prefix such as "2001:db8::/32"`,
  },
  {
    what: 'host bits in a prefix of inside',
    text: 'inside = ["192.168.7.1/24"]',
    expected: `/etc/f.toml:1:10: inside has the entry "192.168.7.1/24", which has bits set behind the first 24
  inside = ["192.168.7.1/24"]
           ^
  write "192.168.7.0/24", or "192.168.7.1" for that one address`,
  },
  {
    what: 'one prefix where a list is meant',
    text: 'inside = "192.168.7.0/24"',
    expected: `/etc/f.toml:1:10: inside must be "auto", or a list of addresses and prefixes, not "192.168.7.0/24"
  inside = "192.168.7.0/24"
           ^
  write inside = ["192.168.7.0/24"]`,
  },
  {
    what: 'IPv4 where hosts of IPv6 are to stick one by one',
    text: 'shared.single = ["10.0.0.0/8"]',
    expected: `/etc/f.toml:1:18: "10.0.0.0/8" is of IPv4, whose hosts always stick one by one
  shared.single = ["10.0.0.0/8"]
                   ^
  leave it out, or write an IPv6 prefix such as "2001:db8:64::/96"`,
  },
  {
    what: 'a number in never',
    text: 'never = ["::1", 7]',
    expected: `/etc/f.toml:1:17: entry 2 of never must be an address or a prefix, not 7
  never = ["::1", 7]
                  ^
  write it in double quotes, such as "192.0.2.7"`,
  },
  {
    what: 'one text where a list is needed',
    text: 'chains.input = "input"',
    expected: `/etc/f.toml:1:16: chains.input must be a list of chain names, not "input"
  chains.input = "input"
                 ^
  write input = ["input"]`,
  },
  {
    what: 'what the kernel would not take for an interface',
    text: 'ingress = ["eth0", "eth1@if7 up"]',
    expected: `/etc/f.toml:1:20: entry 2 of ingress must be the name of an interface, not "eth1@if7 up"
  ingress = ["eth0", "eth1@if7 up"]
                     ^
  write the name as "ip link" shows it, without what follows an @, such as "eth0"`,
  },
  {
    what: 'an interface whose name is too long',
    text: 'ingress = ["sixteen-letters-"]',
    expected: `/etc/f.toml:1:12: entry 1 of ingress must be the name of an interface, not "sixteen-letters-"
  ingress = ["sixteen-letters-"]
             ^
  write the name as "ip link" shows it, without what follows an @, such as "eth0"`,
  },
  {
    what: 'an address in place of a name',
    text: 'names = ["home.example.net", "192.0.2.7"]',
    expected: `/etc/f.toml:1:30: "192.0.2.7" is no name
  names = ["home.example.net", "192.0.2.7"]
                               ^
  write addresses and prefixes under \`never\`, and here host names`,
  },
  {
    what: 'a name that is not whole',
    text: 'names = ["home"]',
    expected: `/etc/f.toml:1:10: "home" is not whole: what it means depends on where it is asked
  names = ["home"]
           ^
  write a whole host name, such as "home.example.net"`,
  },
  {
    what: 'a name in capitals, with its dot',
    text: 'names = ["Home.Example.Net."]',
    expected: `/etc/f.toml:1:10: entry 1 of names must be a host name, not "Home.Example.Net."
  names = ["Home.Example.Net."]
           ^
  write "home.example.net"`,
  },
  {
    what: 'what no name is',
    text: 'names = ["home example.net"]',
    expected: `/etc/f.toml:1:10: entry 1 of names must be a host name, not "home example.net"
  names = ["home example.net"]
           ^
  write a whole host name, such as "home.example.net"`,
  },
  {
    what: 'a database without its whole path',
    text: 'geo.asn = "asn.mmdb"',
    expected: `/etc/f.toml:1:11: geo.asn must be the whole path of a file, or "" for none, not "asn.mmdb"
  geo.asn = "asn.mmdb"
            ^
  write it as in "/usr/local/share/country.mmdb", or "" for none`,
  },
  {
    what: 'what nft would not take for a chain',
    text: 'chains.input = ["input; flush ruleset"]',
    expected: `/etc/f.toml:1:17: entry 1 of chains.input must be the name of a chain of table inet filter, not "input; flush ruleset"
  chains.input = ["input; flush ruleset"]
                  ^
  write the name as "nft list chains inet" shows it, such as "input"`,
  },
  {
    what: 'a chain of ours',
    text: 'chains.input = ["flypaper_input"]',
    expected: `/etc/f.toml:1:17: "flypaper_input" is one of flypaperd's own chains
  chains.input = ["flypaper_input"]
                  ^
  write the name of a chain of your own`,
  },
]

for (const { what, text, expected } of cases) {
  test(`explains ${what}`, () => assert.equal(explained(text), expected))
}

test('explains more names than are looked up, where each counts once; a label and a name have an end', () => {
  const named = (count: number) => Array.from({ length: count }, (_, i) => `"h${i}.example.net"`).join(', ')
  assert.match(explained(`names = [${named(17)}]`), /names names 17 of them\n/)
  assert.equal(parseSettings(`names = [${named(16)}, "h0.example.net"]`, 'test').names.length, 16)
  const label = 'a'.repeat(63)
  const long = [label, label, label, 'b'.repeat(57), 'net'].join('.')
  assert.equal(long.length, 253)
  assert.equal(
    parseSettings(`names = ["${long}", "xn--bcher-kva.example", "_a.b-c.net"]`, 'test').names.length,
    3,
  )
  for (const name of [`a${long}`, `a${label}.net`, '-a.net', 'a-.net', 'a..net', '1.2.3', 'a.b/c', 'a.1'])
    assert.match(explained(`names = ["${name}"]`), /names/, name)
})

test('explains more interfaces than a chain may have, where each counts once', () => {
  const named = (count: number) => Array.from({ length: count }, (_, i) => `"e${i}"`).join(', ')
  assert.match(explained(`ingress = [${named(257)}]`), /ingress names 257 of them\n/)
  assert.equal(parseSettings(`ingress = [${named(256)}, "e0"]`, 'test').ingress.length, 256)
})
