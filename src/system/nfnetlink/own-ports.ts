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
  const inodes = new Set(
    readdirSync('/proc/self/fd').flatMap(fd => /^socket:\[(\d+)\]$/.exec(targetOf(fd))?.[1] ?? []),
  )
  return readFileSync('/proc/net/netlink', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, protocol, , , , , , , , inode]) => protocol === NETLINK_NETFILTER && inodes.has(inode ?? ''))
    .map(([, , port]) => Number(port))
}

/** The descriptor of the listing itself is gone by now. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
