/** The rules of iptables-legacy, which it alone can list. Only for the doctor: it runs a program. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { InTable } from '../doctor/ruleset.ts'

const PROGRAMS = { ip: 'iptables-legacy-save', ip6: 'ip6tables-legacy-save' } as const
const PATIENCE_MS = 5000
const MOST_BYTES = 16 << 20
/** Where they are, also when an ordinary user's PATH does not say so. */
const PLACES = '/usr/sbin:/sbin'

/** Of the families that have such tables. Undefined where they cannot be read: no such program, no privilege. */
export async function legacyRules(legacy: readonly InTable[]): Promise<string | undefined> {
  const families = (['ip', 'ip6'] as const).filter(family => legacy.some(table => table.family === family))
  try {
    const run = promisify(execFile)
    const options = {
      timeout: PATIENCE_MS,
      maxBuffer: MOST_BYTES,
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:${PLACES}` },
    }
    const written = await Promise.all(families.map(family => run(PROGRAMS[family], [], options)))
    return written.map(({ stdout }) => stdout).join('\n')
  } catch {
    return undefined
  }
}
