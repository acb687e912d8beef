/** The real world of `flypaperd outside`: files of its own, and the ways out of this machine. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isatty } from 'node:tty'
import { daemonBehind } from '../outside/daemon.ts'
import { runOutside, testWays } from '../outside/outside.ts'
import type { World } from '../outside/world.ts'
import type { LogTo, Settings } from '../settings/settings.ts'
import { resolveHosts } from './dns.ts'
import { feedProgram } from './feed-program.ts'
import { readBinary } from './files.ts'
import { openLog } from './log.ts'
import { lastLogins } from './logins.ts'
import { mail } from './mail.ts'
import { post } from './post.ts'
import { readCredential, readSecretFile } from './secret.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface OutsidePlaces {
  /** The daemon's control socket, beside which the others are. */
  readonly socket: string
  /** The file that `status` reads. */
  readonly status: string
  /** What is kept over a restart. */
  readonly memory: string
}

export function openOutside(places: OutsidePlaces, env: Environment, logTo: LogTo) {
  const log = openLog({ env, stdoutIsTerminal: isatty(1) }, logTo)
  const world: World = {
    host: hostname(),
    log,
    now: Date.now,
    clock: () => performance.now() / 1000,
    daemon: daemonBehind(places.socket),
    carriers: {
      read: secret =>
        'file' in secret
          ? readSecretFile(secret.file)
          : readCredential(secret.credential, env.CREDENTIALS_DIRECTORY),
      mail,
      post,
      run: feedProgram,
    },
    memory: {
      read: () => readWhole(places.memory),
      write: text => writeWhole(places.memory, text, 0o600),
    },
    tellStatus: text => writeWhole(places.status, text, 0o644),
    lastLogins: () => lastLogins(Date.now()),
    resolve: resolveHosts,
    readDatabase: readBinary,
  }
  return {
    run: (settings: Settings, end: AbortSignal) => runOutside(world, settings, end),
    test: (settings: Settings) => testWays(world, settings),
    [Symbol.dispose]: () => log[Symbol.dispose](),
  }
}

function readWhole(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Whoever reads it finds it whole. The directory is systemd's to make; in a terminal it is made here. */
function writeWhole(path: string, text: string, mode: number): void {
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true, mode: 0o755 })
  writeFileSync(`${path}.new`, text, { mode })
  renameSync(`${path}.new`, path)
}
