/** A world for `flypaperd outside`: the daemon is the test, the clock has hands, and the ways are real ones unless told. */
import type { Carriers, Look, World } from '../../src/outside/world.ts'
import type { Report } from '../../src/surface/cli/report-text.ts'
import type { EventLine } from '../../src/surface/control/protocol.ts'
import { feedProgram } from '../../src/system/feed-program.ts'
import { readBinary } from '../../src/system/files.ts'
import { mail } from '../../src/system/mail.ts'
import { post } from '../../src/system/post.ts'
import { readSecretFile } from '../../src/system/secret.ts'
import { Failure } from '../../src/terms/failure.ts'
import { STATUS } from './daemon-status.ts'

export const BEGIN = Date.UTC(2026, 10, 24, 10)

export const REAL: Carriers = {
  read: secret => {
    if ('file' in secret) return readSecretFile(secret.file)
    throw new Failure('no credential here', { exit: 78 })
  },
  mail,
  post,
  run: feedProgram,
}

export const WELL: Look = { lines: [{ label: 'process', ok: true }], status: STATUS }

export interface FakeOutside {
  readonly world: World
  /** Everything that was logged, a line each. */
  readonly logged: string[]
  /** What the daemon answers; undefined: there is none. */
  look: Look | undefined
  report: Report | undefined
  /** What is kept over a restart. */
  kept: string | undefined
  status: string
  /** What the daemon was told of names. */
  readonly named: object[]
  /** Of all lockouts. */
  sources: readonly string[]
  /** Milliseconds since the epoch. */
  at: number
}

export function fakeOutside(carriers: Partial<Carriers> = {}): FakeOutside {
  const logged: string[] = []
  const note = (level: string) => (line: string) => void logged.push(`${level}: ${line}`)
  const fake: FakeOutside = {
    logged,
    look: WELL,
    report: undefined,
    kept: undefined,
    status: '',
    named: [],
    sources: [],
    at: BEGIN,
    world: {
      host: 'gate',
      log: { info: note('info'), warn: note('warn'), error: note('error') },
      now: () => fake.at,
      clock: () => fake.at / 1000,
      daemon: {
        look: async () => fake.look,
        async *events() {},
        async report() {
          if (fake.report === undefined) throw new Failure('no daemon answers', { exit: 3 })
          return fake.report
        },
        async *lockouts() {
          yield fake.sources.map(source => ({ source }))
        },
        async tellNames(request) {
          fake.named.push(request)
          return { refused: [] }
        },
      },
      carriers: { ...REAL, ...carriers },
      memory: {
        read: () => fake.kept,
        write: text => {
          fake.kept = text
        },
      },
      tellStatus: text => {
        fake.status = text
      },
      lastLogins: () => ({ addresses: [] }),
      readDatabase: readBinary,
      resolve: async (_, family) => (family === 4 ? [{ address: '192.0.2.80', ttl: 60 }] : []),
    },
  }
  return fake
}

/** A line of the feed. */
export function line(event: string, at: number, more: Readonly<Record<string, unknown>> = {}): EventLine {
  return { event, at: new Date(at).toISOString(), text: `${event} 192.0.2.7`, ...more }
}
