/**
 * A Debian of its own around a host of the test's world: its root, its processes, the host's network. What a manager writes into
 * files is gone with it, and so is every process, a container's as well.
 */
import { fileURLToPath } from 'node:url'
import { must, type RunOptions, start } from '../support/process.ts'
import type { Host } from '../support/world.ts'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/flypaperd-beside', import.meta.url))
const FIRST = fileURLToPath(new URL('house.sh', import.meta.url))

export interface House {
  /** Standard output of a shell script that must succeed there. */
  sh(script: string, options?: RunOptions): Promise<string>
  /** Starts a service there; resolves when it has said so. */
  serve(command: string, ready: RegExp): Promise<void>
}

/** Its end is the host's: whoever holds the namespace kills all that is in it, first process included. */
export async function house(host: Host): Promise<House> {
  const unshare = ['unshare', '--mount', '--pid', '--fork', '--kill-child']
  const first = await host.start([...unshare, 'sh', FIRST, `${CACHE}/root`, `${CACHE}/stage`])
  await first.says(/^ready$/)
  const space = (name: string) => `/proc/${first.pid}/ns/${name}`
  const inside = (script: string) => [
    ...['nsenter', `--net=${space('net')}`, `--mount=${space('mnt')}`, `--pid=${space('pid_for_children')}`],
    ...['sh', '-ec', script],
  ]
  return {
    sh: async (script, options) => await must(inside(script), options),
    async serve(command, ready) {
      const service = await start(inside(`exec ${command}`))
      await service.says(ready, 30_000)
    },
  }
}
