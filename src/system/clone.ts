/**
 * Two network namespaces that leave nothing behind.
 *
 * Each is held by a process that is the first of a PID namespace and reads a pipe of ours. When the pipe closes, because we closed it or because this
 * process died in whatever way, SIGKILL included, that one ends; then the kernel kills all that runs in there, and takes down the namespaces, their
 * mounts and their cable. They have no names, and what they write lies in a tmpfs of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Clone, MAC, type Namespace, OUTSIDE, type Ran } from '../prove/clone.ts'
import { EXIT, Failure } from '../terms/failure.ts'

/** Beside this file, or beside the one file of the package (scripts/bundle.ts). */
const IN_CLONE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'in-clone.ts' : 'in-clone.js', import.meta.url),
)
/** It is there on every Linux with a C library, and nobody here has anything to share. */
const DIRECTORY = '/dev/shm'
const PATIENCE_MS = 120_000
const END_PATIENCE_MS = 10_000
const OUTPUT_MAX = 64 * 1024 * 1024
const LAST_WORDS_MAX = 2000

const HOLDER = `set -e
mount -t sysfs sysfs /sys 2>/dev/null || true
mount -t tmpfs -o mode=700 tmpfs ${DIRECTORY}
ip link set lo up
echo ready
exec cat >/dev/null`

interface Held extends Namespace {
  readonly pid: number
  /** Runs a command in the network of the namespace, among the processes of this machine. */
  network(command: readonly string[], input: string): Promise<Ran>
  /** As `run`, with the network of another namespace as descriptor 3. */
  beside(other: Held, command: readonly string[], input: string, patience: number): Promise<Ran>
  end(): Promise<void>
}

/** @param uplink how the gate calls its end of the cable */
export async function openClone(uplink: string): Promise<Clone> {
  await using opening = new AsyncDisposableStack()
  const hold = async () => {
    const held = await holdNamespace()
    opening.defer(() => held.end())
    return held
  }
  const places = { gate: await hold(), outside: await hold() }
  const ip = async (where: keyof typeof places, lines: readonly string[]) =>
    orFail(await places[where].network(['ip', '-batch', '-'], `${lines.join('\n')}\n`), 'ip')
  await ip('gate', [
    `link add ${uplink} address ${MAC.gate} type veth peer name ${OUTSIDE} address ${MAC.outside} netns ${places.outside.pid}`,
    `link set ${uplink} up`,
  ])
  await ip('outside', [`link set ${OUTSIDE} up`])
  const opened = opening.move()
  return {
    ...places,
    ip,
    between: async (...asked) => await places.gate.beside(places.outside, ...asked),
    async behind(link, lines) {
      const held = await holdNamespace()
      opened.defer(() => held.end())
      await ip('gate', [`link set ${link} netns ${held.pid}`])
      orFail(await held.network(['ip', '-batch', '-'], `${lines.join('\n')}\n`), 'ip')
      return held
    },
    directory: DIRECTORY,
    flypaperd: [process.execPath, ...process.execArgv, process.argv[1]!],
    inClone: [process.execPath, IN_CLONE],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function orFail({ code, stderr }: Ran, what: string): void {
  if (code === 0) return
  const hint = stderr.trim().slice(-LAST_WORDS_MAX)
  throw new Failure(`the clone cannot be made: ${what} refuses`, { exit: EXIT.unavailable, hint })
}

async function holdNamespace(): Promise<Held> {
  const own = readlinkSync('/proc/self/ns/net')
  const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  // Not of our process group: Ctrl-C ends us, and our end ends them.
  const holder = start(['unshare', ...flags, '--', 'sh', '-c', HOLDER], { detached: true })
  const ended = once(holder, 'exit').catch(() => {})
  await saying(holder, /^ready$/m, 'no namespaces can be made')
  const at = `/proc/${holder.pid}/ns`
  const inode = readlinkSync(`${at}/net`)
  if (inode === own) throw new Error('the namespace of the clone is that of the machine')

  const inside = (entrances: readonly string[], command: readonly string[]) => {
    if (holder.exitCode !== null || readlinkSync(`${at}/net`) !== inode)
      throw new Failure('the clone is gone', { exit: EXIT.unavailable })
    return ['nsenter', `--net=${at}/net`, ...entrances, '--', ...command]
  }
  const whole = [`--mount=${at}/mnt`, `--pid=${at}/pid_for_children`]
  return {
    pid: holder.pid!,
    network: async (command, input) => await toTheEnd(inside([], command), input),
    run: async (command, input = '') => await toTheEnd(inside(whole, command), input),
    async beside(other, command, input, patience) {
      const network = openSync(`/proc/${other.pid}/ns/net`, 'r')
      try {
        return await toTheEnd(inside(whole, command), input, { patience, more: [network] })
      } finally {
        closeSync(network)
      }
    },
    async start(command, says, otherwise) {
      await saying(start(inside(whole, command)), says, otherwise)
    },
    async end() {
      holder.stdin!.end()
      const late = setTimeout(() => holder.kill('SIGKILL'), END_PATIENCE_MS)
      await ended
      clearTimeout(late)
    },
  }
}

/** Of our environment they get no more than where programs are: they are not of our unit, and nobody's by sudo. */
const ENVIRONMENT = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' }

interface Started {
  readonly detached?: boolean
  /** Descriptors from 3 on. */
  readonly more?: readonly number[]
}

function start([program, ...args]: readonly string[], { more = [], ...options }: Started = {}): ChildProcess {
  return spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe', ...more], env: ENVIRONMENT, ...options })
}

async function toTheEnd(
  command: readonly string[],
  input: string,
  { patience = PATIENCE_MS, ...options }: Started & { readonly patience?: number } = {},
): Promise<Ran> {
  const child = start(command, options)
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', text => {
      if (written[name].length < OUTPUT_MAX) written[name] += text
    })
  child.stdin!.on('error', () => {}).end(input)
  const late = setTimeout(() => child.kill('SIGKILL'), patience)
  try {
    const [code, signal] = await once(child, 'close')
    return { code: code ?? (signal === null ? 1 : 128), ...written }
  } catch (cause) {
    throw new Failure(`${command[0]} cannot be run: ${cause instanceof Error ? cause.message : cause}`, {
      exit: EXIT.unavailable,
      cause,
    })
  } finally {
    clearTimeout(late)
  }
}

/** Resolves when the process has written that, in whichever stream; what it writes later is thrown away. */
async function saying(child: ChildProcess, pattern: RegExp, otherwise: string): Promise<void> {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Failure(otherwise, { exit: EXIT.unavailable, hint: why }))
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', text => {
        output = `${output}${text}`.slice(-LAST_WORDS_MAX)
        if (pattern.test(output)) resolve()
      })
    const late = setTimeout(() => fail(`Not within ${PATIENCE_MS / 1000} s. ${output.trim()}`), PATIENCE_MS)
    child.on('error', ({ message }) => fail(message))
    child.on('close', () => fail(output.trim()))
    child.on('close', () => clearTimeout(late))
    late.unref()
  })
}
