/** 0.1.0, as it was: its own source out of this repository's history, run by the Node and the packages of today. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Copy } from './copy.ts'
import type { Installation } from './daemon.ts'
import { must, type Result, type Running, run } from './process.ts'
import type { Host } from './world.ts'

const COMMIT = '0c5d18886e9e6b9bb02c7d99b5ee8f274c67c71a'
const ARMED_MS = 120_000

/** Unpacks it into a folder that goes with `using`. */
export async function unpackOld(): Promise<Copy> {
  const git = ['git', '-c', 'safe.directory=*']
  if ((await run([...git, 'cat-file', '-e', `${COMMIT}^{commit}`])).code !== 0)
    throw new Error(
      `0.1.0 is commit ${COMMIT}, which is not in this repository: it is shallow, or no clone. git fetch --unshallow brings it.`,
    )
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-0.1.0-'))
  const unpack = [...git, 'archive', COMMIT, 'src', 'package.json', 'package-lock.json', 'docs', 'packaging']
  await must(['sh', '-c', 'folder=$1; shift; "$@" | tar -x -C "$folder"', 'sh', directory, ...unpack])
  // Each of the packages that it needs is in package.json as it was then: the same ones serve.
  const wanted = (folder: string) =>
    JSON.stringify(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).dependencies)
  if (wanted(directory) === wanted('.')) symlinkSync(resolve('node_modules'), join(directory, 'node_modules'))
  else
    await must(['npm', 'ci', '--omit=dev', '--no-audit', '--no-fund'], { cwd: directory, timeout: 110_000 })
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) }
}

/** What docs/install.md says before 0.1.0 takes over: the sets are to count no more, from a restart on. */
export async function countNoMore(
  now: Pick<Installation, 'directory'>,
  restart: () => Promise<void>,
): Promise<void> {
  const folder = join(now.directory, 'flypaperd.d')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'going-back.toml'), 'lockout.while_trying = false\n')
  await restart()
  rmSync(join(folder, 'going-back.toml'))
}

export interface Old {
  run(...args: string[]): Promise<Result>
  must(...args: string[]): Promise<string>
  /** By `start` unless told; resolves when the trap is armed. */
  start(...args: string[]): Promise<Running>
  launch(...args: string[]): Promise<Running>
}

/** 0.1.0 with settings, history and sockets in the directory of an installation of today: it is told where by its unit's variables. */
export function oldIn(host: Host, { directory: program }: Copy, directory: string): Old {
  const env = { STATE_DIRECTORY: directory, RUNTIME_DIRECTORY: directory, SUDO_USER: 'tester' }
  const command = (args: readonly string[]) => [
    process.execPath,
    join(program, 'src/checkout.ts'),
    ...args,
    '--settings',
    join(directory, 'flypaperd.toml'),
  ]
  const asUnit = 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"'
  const launch = (...args: string[]) => host.start(['sh', '-c', asUnit, 'sh', ...command(args)], { env })
  return {
    run: (...args) => host.run(command(args), { env }),
    must: (...args) => host.must(command(args), { env }),
    launch,
    async start(...args) {
      const daemon = await launch(...(args.length === 0 ? ['start'] : args))
      await daemon.says(/trap armed/, ARMED_MS)
      return daemon
    },
  }
}
