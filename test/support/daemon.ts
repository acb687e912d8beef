/** Runs the real flypaperd on a host of a test's world, with settings, state and socket of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE, type Result, type Running } from './process.ts'
import { BY_IPTABLES_QUEUE, FLYPAPERD } from './programs.ts'
import type { Host } from './world.ts'

/** In the virtual machine, whose kernel has nft_queue, and where everything is slow. */
export const IN_VM = process.env.FLYPAPERD_VM !== undefined
const PATIENCE_MS = 15_000
const LAST_WORDS_MAX = 2000

/**
 * The log goes to standard error, with priorities, when that is what JOURNAL_STREAM says it is (systemd.exec(5)):
 * the daemon believes to be a unit of systemd.
 */
const AS_UNIT = 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"'

export interface Installation extends Disposable {
  /** Where settings, history and control socket lie. */
  readonly directory: string
  /** Runs a verb to its end, whatever its exit status. */
  run(...args: string[]): Promise<Result>
  /** Runs a verb that must succeed; resolves to its standard output. */
  must(...args: string[]): Promise<string>
  /** Starts the daemon, by `start` unless told, and waits until the trap is armed. */
  start(...args: string[]): Promise<Running>
  /** Starts the daemon without waiting for anything. */
  launch(...args: string[]): Promise<Running>
  /** Replaces the settings; they count from the next start on. */
  settings(toml: string): void
}

export interface Options {
  /** The program, if not flypaperd itself. */
  readonly main?: string
  /** Files that the program sees with another text: `/etc/resolv.conf`, `/proc/uptime`. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Where the history and the state file lie, if not in a directory of the test's. */
  readonly state?: string
  /** Where the sockets lie, if not there. */
  readonly runtime?: string
  /** A command to be run in a mount namespace of its own before the program is. */
  readonly mount?: string
  /** A command that runs the program: it stands before it. */
  readonly by?: readonly string[]
}

/**
 * The machine that runs the tests may have booted just now, and they lock out more than an honest machine has to do with:
 * tests that are not about that leave the grace time and the promotion limit out.
 */
export function install(host: Host, toml = '', options: Options = {}): Installation {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
  const file = join(directory, 'flypaperd.toml')
  const settings = (text: string) => writeFileSync(file, `${defaults(text)}${text}`)
  settings(toml)
  const env = { SUDO_USER: 'tester', ...options.env }
  const command = (args: readonly string[]) => [
    ...(options.by ?? []),
    ...inOwnMounts([...masks(directory, options.files ?? {}), options.mount ?? []].flat()),
    process.execPath,
    options.main ?? FLYPAPERD,
    ...args,
    '--settings',
    file,
    ...places(options.runtime ?? directory, options.state ?? directory),
  ]
  const launched: Running[] = []
  async function launch(...args: string[]): Promise<Running> {
    const daemon = await host.start(['sh', '-c', AS_UNIT, 'sh', ...command(args)], { env })
    launched.push(daemon)
    return daemon
  }
  /** A verb fails where its daemon has died: then what that said last tells why. */
  async function must(...args: string[]): Promise<string> {
    try {
      return await host.must(command(args), { env })
    } catch (error) {
      const last = launched.at(-1)?.output().slice(-LAST_WORDS_MAX) ?? '(none)'
      throw new Error(
        `${error instanceof Error ? error.message : error}\nThe last words of the daemon:\n${last}`,
      )
    }
  }
  return {
    directory,
    settings,
    run: (...args) => host.run(command(args), { env }),
    must,
    launch,
    async start(...args) {
      const daemon = await launch(...(args.length === 0 ? ['start'] : args))
      await daemon.says(/trap armed/, PATIENCE_MS)
      return daemon
    },
    // A daemon that still runs may write a file meanwhile.
    [Symbol.dispose]: () =>
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }),
  }
}

/** The options by which every verb finds the daemon and its history there. */
export function places(runtime: string, state = runtime): string[] {
  return ['--socket', join(runtime, 'control.sock'), '--state', state]
}

/** Runs a command where the fixed places of an installed flypaperd are this directory, for it alone. */
export function atFixedPlaces(directory: string): string[] {
  const mounts = ['/run', '/var/lib'].map(
    above =>
      `mount -t tmpfs -o mode=755 tmpfs ${above} && mkdir ${above}/flypaperd && mount --bind ${directory} ${above}/flypaperd`,
  )
  return inOwnMounts(mounts)
}

/** What holds in tests unless they name it themselves. */
function defaults(text: string): string {
  const lines = { boot_grace: 'boot_grace = "0s"', promotion: 'promotion.per_second = 0' }
  return Object.entries(lines)
    .map(([name, line]) => (text.includes(name) ? '' : `${line}\n`))
    .join('')
}

/** How to run with capture = "queue": as it is where the kernel has nft_queue, else by way of another statement. */
export const QUEUE: Options = IN_VM ? {} : { main: BY_IPTABLES_QUEUE }

/** Commands that mount other files over these. */
function masks(directory: string, files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files).map(([path, text], i) => {
    const file = join(directory, `mask-${i}`)
    writeFileSync(file, text)
    return `mount --bind ${file} ${path}`
  })
}

/** A mount namespace of its own, in which these were run. */
function inOwnMounts(commands: readonly string[]): string[] {
  if (commands.length === 0) return []
  return ['unshare', '--mount', 'sh', '-c', `${commands.join(' && ')} && exec "$@"`, 'sh']
}

/** The sources of the lockouts that the daemon has announced so far. */
export function lockouts(daemon: Running): string[] {
  return [...daemon.output().matchAll(/lockout (\S+), who tried/g)].map(([, source]) => source!)
}

/** The same, once there are at least so many, or after 10 s as many as there are. */
export async function lockoutsOf(daemon: Running, atLeast: number): Promise<string[]> {
  const deadline = Date.now() + 10_000 * PATIENCE
  while (lockouts(daemon).length < atLeast && Date.now() < deadline) await sleep(20)
  return lockouts(daemon)
}

/** How many lockouts the daemon counts, once there are so many, or after 20 s: its log tells 200 a second at most. */
export async function lockedOut(flypaperd: Installation, atLeast: number): Promise<number> {
  for (const deadline = Date.now() + 20_000 * PATIENCE; ; await sleep(100)) {
    const { daemon } = JSON.parse((await flypaperd.run('status', '--json')).stdout)
    if (daemon.counts.lockouts >= atLeast || Date.now() > deadline) return daemon.counts.lockouts
  }
}
