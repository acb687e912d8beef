/** What systemd, of the whole system, is asked and told: by systemctl(1). */
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'

/** As long as a start may take, and more: TimeoutStartSec= of the unit. */
const PATIENCE_MS = 180_000

/** Resolves to what it wrote, and whether it ended with 0; to undefined where systemd does not run: sd_booted(3). */
export async function systemctl(
  ...args: readonly string[]
): Promise<{ readonly isDone: boolean; readonly text: string } | undefined> {
  if (statSync('/run/systemd/system', { throwIfNoEntry: false }) === undefined) return undefined
  return new Promise(resolve => {
    execFile(
      'systemctl',
      ['--no-ask-password', '--no-pager', ...args],
      { timeout: PATIENCE_MS },
      (error, stdout, stderr) => resolve({ isDone: error === null, text: (stdout + stderr).trim() }),
    )
  })
}
