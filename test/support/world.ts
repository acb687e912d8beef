/**
 * Throw-away network namespaces, joined by virtual cables, that leave nothing behind.
 *
 * A namespace has no name (nothing under /run/netns): it lives as long as a process is in it. Its first one,
 * the holder, reads a pipe that only the test's process holds open. When the pipe closes, because the test
 * closed it or because it died in whatever way, SIGKILL included, the holder kills all that is in its
 * namespace, so that the kernel takes down the namespace and the cables with it.
 *
 * The machine's own namespace is out of reach: hosts are only entered by a namespace that was made here.
 */
import { readlinkSync } from 'node:fs'
import {
  must,
  PATIENCE,
  type Result,
  type Running,
  type RunOptions,
  run,
  type StartOptions,
  start,
  within,
} from './process.ts'

export interface World extends AsyncDisposable {
  /** A new host: a namespace with loopback up, nothing else. */
  host(name: string): Promise<Host>
  /** A cable between two hosts, usable at once; resolves to the interfaces' names, `to-<other host>` unless told. */
  link(one: Host, other: Host, ends: Ends): Promise<{ a: string; b: string }>
}

export interface Ends {
  /** Addresses with prefix length, of the first host and of the second: `192.0.2.1/24`, `2001:db8::1/64`. */
  readonly a: readonly string[]
  readonly b: readonly string[]
  readonly names?: { readonly a: string; readonly b: string }
}

export interface Host {
  readonly name: string
  /** The inode of the namespace, as ip and lsns show it. */
  readonly namespace: string
  /** The pid of the process that keeps the namespace. */
  readonly holder: number
  /** Runs a command to its end, whatever its exit status. */
  run(command: readonly string[], options?: RunOptions): Promise<Result>
  /** Standard output of a command that must succeed. */
  must(command: readonly string[], options?: RunOptions): Promise<string>
  start(command: readonly string[], options?: StartOptions): Promise<Running>
  /** Loads rules in nft's language. */
  nft(rules: string): Promise<void>
  /** `ip route add`, of either family. */
  route(prefix: string, via: string): Promise<void>
  /** Lets the host pass packets on between its links, both families. */
  forward(): Promise<void>
  /** Writes a kernel parameter, its path below /proc/sys/: `net/ipv4/icmp_ratelimit`. */
  sysctl(path: string, value: string | number): Promise<void>
}

/**
 * The holder. What a namespace inherits from the machine (forwarding, rp_filter) is set, and IPv6 addresses
 * serve at once, without duplicate address detection. The last loop forks nothing, or it would find itself.
 */
const HOLDER = `
[ "$(readlink /proc/self/ns/net)" != "$1" ] || exit 70
trap '' INT HUP TERM
put() { [ ! -e "/proc/sys/net/$1" ] || echo "$2" >"/proc/sys/net/$1"; }
put ipv4/ip_forward 0
for scope in all default; do
  put ipv4/conf/$scope/rp_filter 0
  put ipv6/conf/$scope/accept_dad 0
  put ipv6/conf/$scope/router_solicitations 0
done
ip link set lo up && readlink /proc/self/ns/net || exit 70
cat >/dev/null
kill_the_others() {
  found=1
  for process in /proc/[0-9]*; do
    pid=\${process#/proc/}
    [ $pid != $$ ] && [ $process/ns/net -ef /proc/self/ns/net ] && kill -KILL $pid && found=0
  done 2>/dev/null
  return $found
}
rounds=500
while kill_the_others && [ $rounds -gt 0 ]; do
  sleep 0.01
  rounds=$((rounds - 1))
done
`

/** An empty world; needs root (see root.ts). Dispose of it by `await using`. */
export async function makeWorld(): Promise<World> {
  const own = readlinkSync('/proc/self/ns/net')
  const holders: Running[] = []
  let cables = 0

  return {
    async host(name) {
      const holder = await start(['unshare', '--net', 'sh', '-c', HOLDER, `holder-of-${name}`, own])
      holders.push(holder)
      const [namespace] = await holder.says(/^net:\[\d+\]$/)
      return hostHeldBy(holder, name, namespace)
    },

    async link(one, other, { a, b, names = { a: `to-${other.name}`, b: `to-${one.name}` } }) {
      cables += 1
      const mac = `02:00:00:00:${cables.toString(16).padStart(2, '0')}`
      const [macA, macB] = [`${mac}:0a`, `${mac}:0b`]
      const far = `${names.b} address ${macB} netns ${other.holder}`
      await ip(one, [
        `link add ${names.a} address ${macA} type veth peer name ${far}`,
        `link set ${names.a} up`,
      ])
      await ip(other, [`link set ${names.b} up`])
      await ip(one, addressing(names.a, a, b, macB))
      await ip(other, addressing(names.b, b, a, macA))
      return names
    },

    async [Symbol.asyncDispose]() {
      for (const holder of holders) holder.closeInput()
      const late = () => new Error('a process in a namespace of the test cannot be killed')
      await within(Promise.all(holders.map(holder => holder.ended)), 10_000 * PATIENCE, late)
    },
  }
}

function hostHeldBy(holder: Running, name: string, namespace: string): Host {
  function inside(command: readonly string[]): string[] {
    const path = `/proc/${holder.pid}/ns/net`
    if (readlinkSync(path) !== namespace) throw new Error(`the namespace of ${name} is gone`)
    return ['nsenter', `--net=${path}`, '--', ...command]
  }
  const host: Host = {
    name,
    namespace,
    holder: holder.pid,
    run: async (command, options) => await run(inside(command), options),
    must: async (command, options) => await must(inside(command), options),
    start: async (command, options) => await start(inside(command), options),
    async nft(rules) {
      await host.must(['nft', '-f', '-'], { input: rules })
    },
    async route(prefix, via) {
      await host.must(['ip', prefix.includes(':') ? '-6' : '-4', 'route', 'add', prefix, 'via', via])
    },
    async sysctl(path, value) {
      await host.must(['sh', '-c', 'echo "$2" >"/proc/sys/$1"', 'sysctl', path, String(value)])
    },
    async forward() {
      await host.sysctl('net/ipv4/ip_forward', 1)
      await host.sysctl('net/ipv6/conf/all/forwarding', 1)
    },
  }
  return host
}

async function ip(host: Host, lines: readonly string[]): Promise<void> {
  await host.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** Addresses of this end; the other end is told as a learned neighbour, so that no first packet waits for ARP. */
function addressing(
  name: string,
  own: readonly string[],
  other: readonly string[],
  otherMac: string,
): string[] {
  return [
    ...own.map(address => `address add ${address} dev ${name} ${address.includes(':') ? 'nodad' : ''}`),
    ...other.map(it => `neighbour replace ${it.split('/')[0]} dev ${name} lladdr ${otherMac} nud reachable`),
  ]
}
