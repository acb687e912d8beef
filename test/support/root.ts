/**
 * Network namespaces need root; an ordinary user is root in a user namespace of his own.
 */
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'

/**
 * For an ordinary user, runs this whole program again as root of fresh user, network and mount namespaces and
 * exits with its status; for root, does nothing. To be called first, see user_namespaces(7).
 */
export function asRoot(): void {
  if (process.getuid?.() === 0) return
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const args = ['--user', '--map-root-user', '--net', '--mount', '--', ...again]
  const { status, signal, error } = spawnSync('unshare', args, { stdio: 'inherit' })
  if (error !== undefined) throw error
  process.exit(status ?? 128 + constants.signals[signal ?? 'SIGKILL'])
}
