/**
 * The netlink ports of this process, by which its own changes are known from those of others. A process id would
 * not do: the kernel tells the one of its own process table, which in a container is another than ours.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * Tells whether a port of NETLINK_NETFILTER is one of ours. Sockets get their port when they are first used, so an
 * unknown one is looked up (/proc/net/netlink, /proc/self/fd); a port that was ours stays ours. Throws at once where /proc
 * does not tell.
 */
export function ownPorts(): (port: number) => boolean {
  const own = new Set(look())
  return port => {
    if (own.has(port)) return true
    for (const one of look()) own.add(one)
    return own.has(port)
  }
}

const NETLINK_NETFILTER = '12'

function look(): number[] {
  const inodes = new Set(socketsOf('self'))
  return netfilterSockets()
    .filter(({ inode }) => inodes.has(inode))
    .map(({ port }) => port)
}

/** The process that has the socket with this port; undefined where /proc does not show it: it is in another container, or another user's. */
export function processWithPort(port: number): number | undefined {
  const inode = netfilterSockets().find(socket => socket.port === port)?.inode
  if (inode === undefined) return undefined
  const processes = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const found = processes.find(pid => socketsOf(pid).includes(inode))
  return found === undefined ? undefined : Number(found)
}

/** proc_net(5): all of NETLINK_NETFILTER in this network namespace. */
function netfilterSockets(): { readonly port: number; readonly inode: string }[] {
  return readFileSync('/proc/net/netlink', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, protocol]) => protocol === NETLINK_NETFILTER)
    .map(([, , port, , , , , , , inode = '']) => ({ port: Number(port) >>> 0, inode }))
}

/** The inodes of its sockets; none of a process that is gone, or whose descriptors we may not see. */
function socketsOf(pid: string): string[] {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap(
      fd => /^socket:\[(\d+)\]$/.exec(targetOf(`${folder}/${fd}`))?.[1] ?? [],
    )
  } catch {
    return []
  }
}

/** The descriptor of the listing itself is gone by now. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}
