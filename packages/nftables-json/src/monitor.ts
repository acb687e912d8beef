/**
 * What changes in the ruleset, by whomever, as `nft -j monitor` tells it. A process of its own: libnftables' own monitor never returns, and it alone
 * knows how to put the kernel's expressions into JSON.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { NftablesError } from './error.ts'
import { type Listed, listedOf } from './listed.ts'

export type Change =
  /** `add`, `insert`, `delete` … of what; elements have `kind: 'element'`. */
  | { readonly verb: string; readonly object: Listed }
  /** Changes came faster than they were read, and some are lost: list again. */
  | { readonly verb: 'lost'; readonly object?: undefined }

export interface Monitor extends AsyncIterable<Change>, AsyncDisposable {}

export interface MonitorOptions {
  /** The program of nftables; `nft` unless told. */
  readonly nft?: string
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

/** The longest line: one transaction may bring a whole set. */
const LINE_MAX = 64 * 1024 * 1024
/** How long nft may take until it listens. */
const STARTING_MS = 10_000
const POLL_MS = 5

/**
 * Resolves as soon as the kernel tells nft of changes: none is missed from then on, and what is not read yet waits, first in the pipe, then in nft's socket.
 * Needs the program nft, and as much permission as it. Errors: `unsupported` where nft cannot be started, or ends by itself while it is read.
 */
export async function openMonitor({ nft = 'nft', signal }: MonitorOptions = {}): Promise<Monitor> {
  signal?.throwIfAborted()
  const child = spawn(nft, ['-j', 'monitor'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = endOf(child)
  const end = async () => {
    signal?.removeEventListener('abort', end)
    child.kill('SIGKILL')
    await ended
  }
  signal?.addEventListener('abort', end)
  try {
    await untilListening(child)
  } catch (error) {
    await end()
    throw error
  }

  return {
    async *[Symbol.asyncIterator]() {
      try {
        for await (const line of linesOf(child.stdout)) {
          const change = changeOf(line)
          if (change !== undefined) yield change
        }
        const said = await ended
        if (!child.killed) throw new NftablesError('unsupported', `nft monitor ended: ${said}`)
      } finally {
        await end()
      }
    },
    [Symbol.asyncDispose]: end,
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

/** Resolves to what it said of errors. */
function endOf(child: Child): Promise<string> {
  let said = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    said = (said + text).slice(-2000)
  })
  return new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', () => resolve(said.trim()))
  })
}

async function untilListening(child: Child): Promise<void> {
  const deadline = performance.now() + STARTING_MS
  let failed: Error | undefined
  child.once('error', error => {
    failed = error
  })
  while (!isListening(child.pid)) {
    if (failed !== undefined || child.exitCode !== null || performance.now() > deadline)
      throw new NftablesError(
        'unsupported',
        `nft monitor does not listen: ${failed?.message ?? 'see nft monitor'}`,
      )
    await sleep(POLL_MS)
  }
}

/** Whether one of its sockets is in a multicast group of nfnetlink, by /proc/net/netlink: `sk Eth Pid Groups … Inode`. */
function isListening(pid: number | undefined): boolean {
  if (pid === undefined) return false
  const inodes = socketsOf(pid)
  return readFileSync('/proc/net/netlink', 'latin1')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .some(
      ([, protocol, , groups = '', ...rest]) =>
        protocol === '12' && /[1-9a-f]/.test(groups) && inodes.has(rest.at(-1)!),
    )
}

function socketsOf(pid: number): ReadonlySet<string> {
  const found = new Set<string>()
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? []
      if (inode !== undefined) found.add(inode)
    }
  } catch {
    // It is gone.
  }
  return found
}

/** Empty where it is closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    if (rest.length > LINE_MAX)
      throw new NftablesError('unsupported', `nft monitor printed a line of more than ${LINE_MAX} bytes`)
    yield* lines
  }
}

/** Pure and total; undefined for what tells nothing, such as the generation of the ruleset. */
export function changeOf(line: string): Change | undefined {
  if (line.startsWith('# ERROR')) return { verb: 'lost' }
  let told: unknown
  try {
    told = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof told !== 'object' || told === null) return undefined
  const [[verb, object] = ['', null]] = Object.entries(told)
  if (typeof object !== 'object' || object === null || verb === 'metainfo' || Array.isArray(told))
    return undefined
  return { verb, object: listedOf(object as Record<string, unknown>) }
}
